# How a folder under src/ becomes targets.
#
#   slipway_module(engine/fleet DEPS base net place third_party::llhttp)
#     slipway_engine_fleet       static library of the folder's *.cc but main.cc and *_main.cc
#     engine_fleet_test          gtest executable of *_test.cc         (ctest label fast)
#     engine_fleet_slow_test     gtest executable of *_slow_test.cc    (ctest label slow)
#     NAME_bench                 one executable for each NAME_bench.cc
#     NAME_fuzz                  one libFuzzer executable for each NAME_fuzz.cc (SLIPWAY_FUZZ=ON)
#   slipway_executable(slipway SOURCES main.cc DEPS server cli)      in the group `programs`
#   slipway_bench_program(raw_loop SOURCES raw_loop.cc DEPS base)    in the group `benches`
#
# DEPS are folder names under src/, or target names with `::`. TEST_DEPS go to the tests alone.
# SANITIZE address thread: continuous integration runs the fast unit tests under these sanitizers too
# (the groups `address_tests` and `thread_tests`): `address` where bytes of strangers are read or memory
# is handled by hand, `thread` where threads share something.
# PCH <CLI/CLI.hpp> gives a module, and its tests, a precompiled header of their own with that header
# in it; PCH_OF cli lets an executable use the one of that module.

# Headers that nearly every file includes, compiled once for all targets of a preset.
file(WRITE ${CMAKE_BINARY_DIR}/slipway_pch.cc "// Carries the precompiled header.\n")
add_library(slipway_pch STATIC ${CMAKE_BINARY_DIR}/slipway_pch.cc)
target_link_libraries(slipway_pch PUBLIC slipway_options fmt::fmt)
set(SLIPWAY_PCH
  <algorithm> <array> <atomic> <chrono> <condition_variable> <coroutine> <cstdint> <cstring> <deque>
  <expected> <filesystem> <functional> <list> <map> <memory> <mutex> <optional> <random> <set> <span>
  <string> <string_view> <thread> <unordered_map> <unordered_set> <utility> <variant> <vector>
  <fmt/format.h>)
target_precompile_headers(slipway_pch PRIVATE ${SLIPWAY_PCH})

# The same with GoogleTest, for the unit tests. These are compiled with -O1 in every preset, or -O0 for a
# sanitizer: what they test is compiled as it is run, and they themselves run once.
set(SLIPWAY_TEST_OPTIMISATION -O1)
if(SLIPWAY_SANITIZE)
  set(SLIPWAY_TEST_OPTIMISATION -O0)
endif()
add_library(slipway_test_pch STATIC ${CMAKE_BINARY_DIR}/slipway_pch.cc)
target_link_libraries(slipway_test_pch PUBLIC slipway_options fmt::fmt GTest::gmock)
target_compile_options(slipway_test_pch PRIVATE ${SLIPWAY_TEST_OPTIMISATION})
target_precompile_headers(slipway_test_pch PRIVATE ${SLIPWAY_PCH} <gmock/gmock.h> <gtest/gtest.h>)

# Folder names become library targets; names with `::` stay what they are.
function(slipway_targets_of out)
  set(targets)
  foreach(dep IN LISTS ARGN)
    if(NOT dep MATCHES "::")
      string(REPLACE "/" "_" dep slipway_${dep})
    endif()
    list(APPEND targets ${dep})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# slipway_use_pch(TARGET [OWNER]): with the precompiled header of OWNER, by default everybody's.
function(slipway_use_pch target)
  set(owner slipway_pch)
  if(ARGC GREATER 1)
    set(owner ${ARGV1})
  endif()
  target_link_libraries(${target} PRIVATE slipway_options fmt::fmt)
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

function(slipway_gtest target label)
  cmake_parse_arguments(arg "" "PCH_OF" "SOURCES;DEPS;SANITIZE" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_DEPS} GTest::gmock GTest::gtest_main)
  if(NOT arg_PCH_OF)
    set(arg_PCH_OF slipway_test_pch)
  endif()
  target_compile_options(${target} PRIVATE ${SLIPWAY_TEST_OPTIMISATION})
  slipway_use_pch(${target} ${arg_PCH_OF})
  add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${target} PROPERTIES LABELS ${label} TIMEOUT 600)
  set_property(GLOBAL APPEND PROPERTY SLIPWAY_TESTS ${target})
  foreach(sanitizer IN LISTS arg_SANITIZE)
    set_property(GLOBAL APPEND PROPERTY SLIPWAY_TESTS_${sanitizer} ${target})
  endforeach()
endfunction()

# Every NAME_kind.cc of the folder as an executable of its own.
function(slipway_programs kind)
  cmake_parse_arguments(arg "" "" "DEPS;OPTIONS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_${kind}.cc)
  foreach(source IN LISTS sources)
    get_filename_component(target ${source} NAME_WE)
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE ${arg_DEPS})
    target_link_options(${target} PRIVATE ${arg_OPTIONS})
    slipway_use_pch(${target})
    set_property(GLOBAL APPEND PROPERTY SLIPWAY_PROGRAMS_${kind} ${target})
  endforeach()
endfunction()

function(slipway_module name)
  cmake_parse_arguments(arg "" "" "DEPS;TEST_DEPS;SOURCES;PCH;SANITIZE" ${ARGN})
  slipway_targets_of(library ${name})
  slipway_targets_of(deps ${arg_DEPS})
  slipway_targets_of(test_deps ${arg_TEST_DEPS})
  string(REPLACE "/" "_" short ${name})

  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_(test|bench|fuzz)|/main|_main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(slow_tests ${tests})
  list(FILTER slow_tests INCLUDE REGEX "_slow_test\\.cc$")
  list(FILTER tests EXCLUDE REGEX "_slow_test\\.cc$")
  list(APPEND sources ${arg_SOURCES})

  if(sources)
    add_library(${library} STATIC ${sources})
    target_link_libraries(${library} PUBLIC ${deps})
    if(arg_PCH)
      target_link_libraries(${library} PRIVATE slipway_options fmt::fmt)
      target_precompile_headers(${library} PRIVATE ${SLIPWAY_PCH} ${arg_PCH})
      set(pch_of PCH_OF ${library})
    else()
      slipway_use_pch(${library})
      set(pch_of)
    endif()
  else()
    add_library(${library} INTERFACE)
    target_link_libraries(${library} INTERFACE ${deps})
  endif()

  if(tests)
    slipway_gtest(${short}_test fast SOURCES ${tests} DEPS ${library} ${test_deps} ${pch_of}
      SANITIZE ${arg_SANITIZE})
  endif()
  if(slow_tests)
    slipway_gtest(${short}_slow_test slow SOURCES ${slow_tests} DEPS ${library} ${test_deps}
      ${pch_of})
  endif()
  slipway_programs(bench DEPS ${library} ${test_deps} benchmark::benchmark)
  if(SLIPWAY_FUZZ)
    slipway_programs(fuzz DEPS ${library} OPTIONS -fsanitize=fuzzer)
  endif()
endfunction()

# An executable in bin/; `SOURCES` are relative to the calling folder.
function(slipway_program_in group name)
  cmake_parse_arguments(arg "" "PCH_OF" "SOURCES;DEPS" ${ARGN})
  slipway_targets_of(deps ${arg_DEPS})
  slipway_targets_of(pch_of ${arg_PCH_OF})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${deps})
  slipway_use_pch(${name} ${pch_of})
  set_property(GLOBAL APPEND PROPERTY ${group} ${name})
endfunction()

macro(slipway_executable)
  slipway_program_in(SLIPWAY_EXECUTABLES ${ARGN})
endmacro()

macro(slipway_bench_program)
  slipway_program_in(SLIPWAY_PROGRAMS_bench ${ARGN})
endmacro()
