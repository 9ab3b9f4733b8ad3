# SPDX-License-Identifier: Apache-2.0
# The flags of our own code (target vatd_flags) and those that third-party code shares (sanitizers, hardening).

add_library(vatd_flags INTERFACE)
target_include_directories(vatd_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(vatd_flags INTERFACE _GNU_SOURCE VATD_RELEASE="${PROJECT_VERSION}")
target_compile_options(vatd_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef
  -Wno-missing-field-initializers -fno-common)
if(VATD_WERROR)
  target_compile_options(vatd_flags INTERFACE -Werror)
endif()

if(VATD_SANITIZE)
  target_compile_definitions(vatd_flags INTERFACE VATD_SANITIZED)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(VATD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(VATD_HARDEN)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE)
  add_compile_definitions($<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

# vatd_library(NAME SOURCES... LINK libs...): a static library of our own code.
function(vatd_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE vatd_flags PUBLIC ${ARG_LINK})
endfunction()

# vatd_unit_test(NAME SOURCES... LINK libs...): a cmocka program; tests/run finds it through ctest.
function(vatd_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE vatd_flags ${ARG_LINK} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
