# Flags that every target of ours gets: warnings, hardening, the linker, sanitizers.

add_library(slipway_options INTERFACE)
target_compile_options(slipway_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wextra-semi -Wno-missing-field-initializers -Wno-unused-parameter
  -ffunction-sections -fdata-sections -fcolor-diagnostics)
target_include_directories(slipway_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)

add_compile_options(-fno-omit-frame-pointer -fstack-protector-strong -pthread)
add_link_options(-fuse-ld=lld -pthread)

if(SLIPWAY_SANITIZE)
  add_compile_options(-fsanitize=${SLIPWAY_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLIPWAY_SANITIZE})
endif()

if(SLIPWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
