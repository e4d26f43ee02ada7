# Flags that every target of ours gets: warnings, hardening, the linker, sanitizers.

add_library(slipway_options INTERFACE)
target_compile_options(slipway_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wextra-semi -Wno-missing-field-initializers -Wno-unused-parameter
  -ffunction-sections -fdata-sections -fcolor-diagnostics)
target_include_directories(slipway_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)

# What is compiled here, third-party code included, is hardened; test/hardening_test.py looks into the
# programs for each of these.
add_compile_options(-fno-omit-frame-pointer -pthread -fPIE -fstack-protector-strong
  -fstack-clash-protection)
add_link_options(-fuse-ld=lld -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack)

# 70,000 addresses inside a program are told in bits and not in 24 bytes each: 1.6 MB that each start
# read and each process kept in its map. The C library must know them (glibc 2.36).
include(CheckCXXSourceRuns)
set(CMAKE_REQUIRED_FLAGS -fPIE)
set(CMAKE_REQUIRED_LINK_OPTIONS -fuse-ld=lld -pie -Wl,-z,pack-relative-relocs)
check_cxx_source_runs("int kept; int* volatile where = &kept; int main() { return where != &kept; }"
  SLIPWAY_PACKS_RELOCATIONS)
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(SLIPWAY_PACKS_RELOCATIONS)
  add_link_options(-Wl,-z,pack-relative-relocs)
endif()

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  add_compile_options(-mbranch-protection=standard)
endif()
# Every preset optimises, without which this does nothing; the sanitizers check more themselves.
if(NOT SLIPWAY_SANITIZE)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

if(SLIPWAY_SANITIZE)
  add_compile_options(-fsanitize=${SLIPWAY_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLIPWAY_SANITIZE})
endif()

if(SLIPWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
