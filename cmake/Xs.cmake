# SPDX-License-Identifier: Apache-2.0
# The JavaScript engine: Moddable XS, compiled from the sources in the npm package @agoric/xsnap (targets xs and xs_headers).
# Third-party code: its warnings are not ours, its sanitizer reports only where it means them.

set(XSNAP ${CMAKE_SOURCE_DIR}/node_modules/@agoric/xsnap)
set(XS ${XSNAP}/moddable/xs)
if(NOT EXISTS ${XS}/includes/xs.h)
  message(FATAL_ERROR "the engine's sources are missing: run `npm ci --ignore-scripts` in ${CMAKE_SOURCE_DIR}")
endif()

# What the engine's headers must be told; our own files that include them need the same.
add_library(xs_headers INTERFACE)
target_include_directories(xs_headers SYSTEM INTERFACE
  ${XS}/includes ${XS}/platforms ${XS}/sources ${XSNAP}/xsnap-native/xsnap/sources)
target_include_directories(xs_headers INTERFACE ${CMAKE_SOURCE_DIR}/src/vat-worker) # xs_config.h
target_compile_definitions(xs_headers INTERFACE
  INCLUDE_XSPLATFORM XSPLATFORM="xs_config.h" mxLockdown=1 mxMetering=1 mxDebug=1 mxNoConsole=1 mxBoundsCheck=1
  mxParse=1 mxRun=1 mxSloppy=1 mxSnapshot=1 mxRegExpUnicodePropertyEscapes=1 mxStringNormalize=1 mxMinusZero=1
  mxUseDefaultCStackLimit=0)

file(GLOB XS_SOURCES ${XS}/sources/*.c)
add_library(xs STATIC ${XS_SOURCES})
target_link_libraries(xs PUBLIC xs_headers m ${CMAKE_DL_LIBS} pthread)
# Optimised in every preset: an unoptimised interpreter makes the tests slow and tells nothing about our code.
target_compile_options(xs PRIVATE -w $<IF:$<BOOL:${VATD_LTO}>,-O3,-O2> -fno-common -fno-strict-aliasing)
set_target_properties(xs PROPERTIES INTERPROCEDURAL_OPTIMIZATION ${VATD_LTO})
# src/vat-worker/xs_platform.c stands before these.
set_source_files_properties(${XS}/sources/xsMemory.c PROPERTIES COMPILE_DEFINITIONS 
  "fxNewSlot=fxNewSlotOfXS;fxNewChunk=fxNewChunkOfXS;fxNewGrowableChunk=fxNewGrowableChunkOfXS;fxCollect=fxCollectOfXS")
# The parser's trees: tens of thousands of small pieces, which all end together.
set_source_files_properties(${XS}/sources/xsScript.c PROPERTIES COMPILE_DEFINITIONS
  "malloc=xs_platform_parser_malloc;free=xs_platform_parser_free")
set_source_files_properties(${XS}/sources/xsSnapshot.c PROPERTIES COMPILE_DEFINITIONS fxCollectGarbage=fxCollectForSnapshot)
set_source_files_properties(${XS}/sources/xsPromise.c PROPERTIES
  COMPILE_OPTIONS "-include;${CMAKE_SOURCE_DIR}/src/vat-worker/xs_weak.h")
set_source_files_properties(${XS}/sources/xsRun.c PROPERTIES
  COMPILE_OPTIONS "-include;${CMAKE_SOURCE_DIR}/src/vat-worker/xs_registers.h"
  OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/src/vat-worker/xs_registers.h)
if(VATD_SANITIZE)
  # Byte code is read unaligned by design, one NaN is cast on purpose, and empty arrays are moved from and to NULL. Redzones
  # make C frames larger: the margin keeps the engine's stack check ahead of the guard page.
  target_compile_options(xs PRIVATE -fno-sanitize=alignment,float-cast-overflow,nonnull-attribute,pointer-overflow)
  target_compile_definitions(xs_headers INTERFACE mxASANStackMargin=262144)
endif()
