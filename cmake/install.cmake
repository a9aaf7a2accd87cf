# What `cmake --install` leaves behind: the gateway, libwa for programs of its own, the plugin ABI.
install(TARGETS wa wa_proto wa_crypto wa_base ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY core/include/wa DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES core/include/warbler/plugin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/warbler)
# From the pkg-config files up to the prefix, however deep the library folder is, so that a copy can be moved.
file(RELATIVE_PATH WARBLER_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" WARBLER_PC_UP "${WARBLER_PC_UP}")
configure_file(cmake/libwa.pc.in libwa.pc @ONLY)
configure_file(cmake/warbler-plugin.pc.in warbler-plugin.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libwa.pc ${CMAKE_CURRENT_BINARY_DIR}/warbler-plugin.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
