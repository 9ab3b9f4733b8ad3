# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: programs, library, headers, man pages; pkg-config and CMake packages for hosts.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PROGRAMS_DIR ${CMAKE_INSTALL_LIBEXECDIR}/vatd)
install(TARGETS vat vatd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS vat-worker RUNTIME DESTINATION ${PROGRAMS_DIR})
install(FILES ${CMAKE_BINARY_DIR}/vat-boot.js ${CMAKE_BINARY_DIR}/vat-supervisor.js ${CMAKE_BINARY_DIR}/vat-worker.snapshot
  DESTINATION ${PROGRAMS_DIR})
install(FILES man/vat.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/vatd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

# One archive of all layers, so that a host needs to name one.
add_library(vatd_archive STATIC
  $<TARGET_OBJECTS:vatd_host> $<TARGET_OBJECTS:vatd_worker> $<TARGET_OBJECTS:vatd_store> $<TARGET_OBJECTS:vatd_kernel>
  $<TARGET_OBJECTS:vatd_wire> $<TARGET_OBJECTS:vatd_sha256> $<TARGET_OBJECTS:vatd_base>)
set_target_properties(vatd_archive PROPERTIES OUTPUT_NAME vatd LINKER_LANGUAGE C)
install(TARGETS vatd_archive ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/vatd DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

configure_file(cmake/vatd.pc.in vatd.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/vatd.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(cmake/vatdConfig.cmake.in vatdConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vatd PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(vatdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/vatdConfig.cmake ${CMAKE_BINARY_DIR}/vatdConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vatd)
