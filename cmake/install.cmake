# What `cmake --install` leaves behind: the gateway, libwa for programs of its own, the plugin ABI.
install(TARGETS wa wa_proto wa_crypto wa_base ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY core/include/wa DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES core/include/warbler/plugin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/warbler)
install(DIRECTORY scripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/warbler/scripts FILES_MATCHING PATTERN "*.lua"
	PATTERN "*.md")
# From the pkg-config files up to the prefix, however deep the library folder is, so that a copy can be moved.
file(RELATIVE_PATH WARBLER_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" WARBLER_PC_UP "${WARBLER_PC_UP}")
# What libwa stands on, for pkg-config and for CMake.
set(WA_REQUIRES "libsignal-protocol-c libprotobuf-c libsodium libcrypto zlib jansson")
configure_file(cmake/libwa.pc.in libwa.pc @ONLY)
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/waConfig.cmake.in waConfig.cmake
	INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wa
	PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/waConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/waConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/waConfigVersion.cmake
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wa)
configure_file(cmake/warbler-plugin.pc.in warbler-plugin.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libwa.pc ${CMAKE_CURRENT_BINARY_DIR}/warbler-plugin.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
