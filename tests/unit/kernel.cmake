add_library(kernel_harness STATIC unit/kernel_harness.c unit/kernel_image.c unit/kernel_image_checks.c)
target_link_libraries(kernel_harness PRIVATE vatd_flags PkgConfig::CMOCKA PUBLIC vatd_store vatd_kernel)
target_include_directories(kernel_harness PUBLIC unit)
foreach(name ahead sleep hibernation row_text endowments ids messages promises quota syscalls gc launch pages restart faults requests services suspension cleanup)
  vatd_unit_test(kernel_${name}_test unit/kernel_${name}_test.c LINK kernel_harness vatd_store vatd_kernel vatd_wire vatd_base)
endforeach()
vatd_unit_test(kernel_store_fault_test unit/kernel_store_fault_test.c unit/kernel_script.c unit/store_fixture.c
  LINK kernel_harness vatd_fault_vfs vatd_store vatd_kernel vatd_wire vatd_base)
vatd_unit_test(kernel_power_test unit/kernel_power_test.c unit/kernel_script.c unit/store_fixture.c
  LINK kernel_harness vatd_disk_vfs vatd_store vatd_kernel vatd_wire vatd_base)
vatd_unit_test(kernel_memory_test unit/kernel_memory_test.c unit/kernel_script.c unit/store_fixture.c
  LINK kernel_harness vatd_store vatd_kernel vatd_wire vatd_base)
target_link_options(kernel_memory_test PRIVATE
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=vasprintf)
