# Third-party code: Debian's packages by find_package, and the pinned downloads of
# third_party/pins.json as targets third_party::NAME. tools/fetch_deps.py fetches each once.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(EXPAT REQUIRED)
if(NOT SLIPWAY_FUZZ)
  find_package(LibArchive REQUIRED)
endif()
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
pkg_check_modules(libdeflate REQUIRED IMPORTED_TARGET GLOBAL libdeflate)
pkg_check_modules(libqrencode REQUIRED IMPORTED_TARGET GLOBAL libqrencode)
find_package(ZLIB REQUIRED)

find_program(SLIPWAY_PYTHON NAMES python3 REQUIRED)

# slipway_fetch(FILE NAME...): FILE sets SLIPWAY_DEP_NAME for the names, or for all that is always needed.
function(slipway_fetch file)
  execute_process(
    COMMAND ${SLIPWAY_PYTHON} ${CMAKE_SOURCE_DIR}/tools/fetch_deps.py --cmake ${CMAKE_BINARY_DIR}/${file}
            ${ARGN}
    RESULT_VARIABLE fetched)
  if(NOT fetched EQUAL 0)
    message(FATAL_ERROR "The pinned third-party files could not be fetched (see the line above).")
  endif()
endfunction()

slipway_fetch(third_party.cmake)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/third_party/pins.json)
include(${CMAKE_BINARY_DIR}/third_party.cmake)

# llhttp 9.4.3: the HTTP/1.1 parser of Node.
add_library(third_party_llhttp STATIC
  ${SLIPWAY_DEP_llhttp}/src/api.c ${SLIPWAY_DEP_llhttp}/src/http.c ${SLIPWAY_DEP_llhttp}/src/llhttp.c)
target_include_directories(third_party_llhttp SYSTEM PUBLIC ${SLIPWAY_DEP_llhttp}/include)
target_compile_options(third_party_llhttp PRIVATE -O2 -w)
add_library(third_party::llhttp ALIAS third_party_llhttp)

# SQLite 3.53.2. Each connection belongs to one thread at a time (THREADSAFE=2). With fdatasync, which
# it takes for fsync unless told, a commit does not wait for the file's times to be kept.
add_library(third_party_sqlite STATIC ${SLIPWAY_DEP_sqlite}/sqlite3.c)
target_include_directories(third_party_sqlite SYSTEM PUBLIC ${SLIPWAY_DEP_sqlite})
target_compile_options(third_party_sqlite PRIVATE -O2 -w)
target_compile_definitions(third_party_sqlite PRIVATE
  HAVE_FDATASYNC=1 SQLITE_THREADSAFE=2 SQLITE_DQS=0 SQLITE_OMIT_LOAD_EXTENSION SQLITE_OMIT_DEPRECATED
  SQLITE_OMIT_SHARED_CACHE SQLITE_DEFAULT_MEMSTATUS=0
  SQLITE_DEFAULT_WAL_SYNCHRONOUS=2 SQLITE_DEFAULT_FOREIGN_KEYS=1 SQLITE_LIKE_DOESNT_MATCH_BLOBS
  SQLITE_MAX_EXPR_DEPTH=0 SQLITE_USE_ALLOCA SQLITE_TRUSTED_SCHEMA=0 SQLITE_TEMP_STORE=2)
add_library(third_party::sqlite ALIAS third_party_sqlite)

# xxHash 0.8.4: one header, compiled into the one file that includes it.
add_library(third_party_xxhash INTERFACE)
target_include_directories(third_party_xxhash SYSTEM INTERFACE ${SLIPWAY_DEP_xxhash})
target_compile_definitions(third_party_xxhash INTERFACE XXH_INLINE_ALL)
add_library(third_party::xxhash ALIAS third_party_xxhash)

# ONNX Runtime: headers of 1.29; the library is opened at run time with dlopen.
add_library(third_party_onnxruntime INTERFACE)
target_include_directories(third_party_onnxruntime SYSTEM INTERFACE
  ${CMAKE_SOURCE_DIR}/third_party/onnxruntime/include)
target_compile_definitions(third_party_onnxruntime INTERFACE ORT_API_MANUAL_INIT)
target_link_libraries(third_party_onnxruntime INTERFACE ${CMAKE_DL_LIBS})
add_library(third_party::onnxruntime ALIAS third_party_onnxruntime)

add_library(third_party::libdeflate ALIAS PkgConfig::libdeflate)
add_library(third_party::qrencode ALIAS PkgConfig::libqrencode)

# For the fuzzers, Debian's libarchive with no more than reading tar needs, compiled here: only code
# that is instrumented tells libFuzzer when an input found something new.
function(slipway_instrumented_libarchive)
  slipway_fetch(libarchive.cmake libarchive)
  include(${CMAKE_BINARY_DIR}/libarchive.cmake)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)  # its own list of build types has no "None"
  foreach(part TAR CPIO CAT TEST INSTALL ACL XATTR ICONV OPENSSL LIBB2 LZ4 LZMA ZSTD BZip2 LIBXML2
          EXPAT PCREPOSIX LIBGCC CNG WERROR)
    set(ENABLE_${part} OFF CACHE BOOL "" FORCE)
  endforeach()
  add_subdirectory(${SLIPWAY_DEP_libarchive} ${CMAKE_BINARY_DIR}/libarchive EXCLUDE_FROM_ALL)
  target_compile_options(archive_static PRIVATE -w -fno-sanitize=undefined)
  target_include_directories(archive_static SYSTEM INTERFACE ${SLIPWAY_DEP_libarchive}/libarchive)
  add_library(LibArchive::LibArchive ALIAS archive_static)
endfunction()
if(SLIPWAY_FUZZ)
  slipway_instrumented_libarchive()
endif()

# What is opened at run time lies in lib/ beside bin/.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
file(GLOB xgboost_files ${SLIPWAY_DEP_xgboost}/*.so*)
file(COPY ${xgboost_files} DESTINATION ${CMAKE_BINARY_DIR}/lib)
file(COPY_FILE ${SLIPWAY_DEP_onnxruntime}/libonnxruntime.so.1.32.0
  ${CMAKE_BINARY_DIR}/lib/libonnxruntime.so.1 ONLY_IF_DIFFERENT)

# AWS's published models: the folder that holds sagemaker/2017-07-24/service-2.json.gz.
set(SLIPWAY_BOTOCORE_DATA ${SLIPWAY_DEP_botocore})
