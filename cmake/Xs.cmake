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
target_compile_definitions(xs_headers INTERFACE
  INCLUDE_XSPLATFORM XSPLATFORM="xsnapPlatform.h" mxLockdown=1 mxMetering=1 mxDebug=1 mxNoConsole=1 mxBoundsCheck=1
  mxParse=1 mxRun=1 mxSloppy=1 mxSnapshot=1 mxRegExpUnicodePropertyEscapes=1 mxStringNormalize=1 mxMinusZero=1)

# mend_xs(FILE OLD NEW [OLD NEW]...): compiles a copy of sources/FILE in which the one place that reads OLD reads NEW.
function(mend_xs file)
  file(READ ${XS}/sources/${file} text)
  math(EXPR last "${ARGC} - 1")
  foreach(i RANGE 1 ${last} 2)
    math(EXPR next "${i} + 1")
    string(FIND "${text}" "${ARGV${i}}" first_at)
    string(FIND "${text}" "${ARGV${i}}" last_at REVERSE)
    if(first_at EQUAL -1 OR NOT first_at EQUAL last_at)
      message(FATAL_ERROR "${XS}/sources/${file} is not the one that cmake/Xs.cmake knows how to mend")
    endif()
    string(REPLACE "${ARGV${i}}" "${ARGV${next}}" text "${text}")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/xs/${file} CONTENT "${text}" @ONLY)
  list(REMOVE_ITEM XS_SOURCES ${XS}/sources/${file})
  set(XS_SOURCES ${XS_SOURCES} ${CMAKE_BINARY_DIR}/generated/xs/${file} PARENT_SCOPE)
endfunction()

# The engine is changed in three places, where time would be quadratic.
#  - Slots: fxCollect() looks whether it has made enough room only `if (!theFlag)`, which was right until fxNewSlot() came
#    to pass XS_ORGANIC_FLAG. Now a heap that is almost full of living things never grows as long as each collection frees
#    anything at all, and there is a full collection every few allocations.
#  - Chunks: fxFindChunk() does not look either. Here it says that there is no room, and its callers let the heap grow.
#  - Promise jobs: fxQueueJob() walks to the end of the list for each. Here it remembers the end (a worker is one machine;
#    jobs are only ever added at the end, and taken away all at once).
file(GLOB XS_SOURCES ${XS}/sources/*.c)
mend_xs(xsMemory.c
  "if (theFlag) \n\t\tthe->collectFlag &= ~XS_TRASHING_FLAG;"
  "if (theFlag & ~XS_ORGANIC_FLAG) \n\t\tthe->collectFlag &= ~XS_TRASHING_FLAG;"
  "*once = 0;\n\t\tgoto again;"
  "*once = 0;\n\t\tif (the->maximumChunksSize - the->currentChunksSize >= the->minimumChunksSize)\n\t\t\tgoto again;")
mend_xs(xsPromise.c
  "address = &(mxPendingJobs.value.reference->next);\n\twhile"
  "static txSlot* lastJob;\n\taddress = &(mxPendingJobs.value.reference->next);\n\tif (*address && lastJob)\n\t\taddress = &(lastJob->next);\n\twhile"
  "slot = *address = fxNewSlot(the);\t\n\tslot->kind = XS_REFERENCE_KIND;\n\tslot->value.reference = job;"
  "slot = *address = fxNewSlot(the);\t\n\tlastJob = slot;\n\tslot->kind = XS_REFERENCE_KIND;\n\tslot->value.reference = job;")
add_library(xs STATIC ${XS_SOURCES})
target_link_libraries(xs PUBLIC xs_headers m ${CMAKE_DL_LIBS} pthread)
# -O2 in every preset: an unoptimised interpreter makes the tests slow and tells nothing about our code.
target_compile_options(xs PRIVATE -w -O2 -fno-common -fno-strict-aliasing)
if(VATD_SANITIZE)
  # Byte code is read unaligned by design, one NaN is cast on purpose, and empty arrays are moved from and to NULL. Redzones
  # make C frames larger: the margin keeps the engine's stack check ahead of the guard page.
  target_compile_options(xs PRIVATE -fno-sanitize=alignment,float-cast-overflow,nonnull-attribute,pointer-overflow)
  target_compile_definitions(xs PRIVATE mxASANStackMargin=262144)
endif()
