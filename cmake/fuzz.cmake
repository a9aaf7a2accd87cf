# warbler_fuzz(NAME SOURCES ... LIBS ...): one fuzz target, built in two ways.
#  WARBLER_FUZZ=ON   a libFuzzer binary NAME_fuzz (clang)
#  WARBLER_TESTS=ON  NAME_replay, which runs tests/fuzz/corpus/NAME once; ctest label `fuzz`
function(warbler_fuzz NAME)
	cmake_parse_arguments(F "" "" "SOURCES;LIBS" ${ARGN})
	if(WARBLER_FUZZ)
		add_executable(${NAME}_fuzz ${F_SOURCES})
		target_link_libraries(${NAME}_fuzz PRIVATE warbler_flags ${F_LIBS})
		target_link_options(${NAME}_fuzz PRIVATE -fsanitize=fuzzer)
	endif()
	if(WARBLER_TESTS)
		add_executable(${NAME}_replay ${F_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
		target_link_libraries(${NAME}_replay PRIVATE warbler_flags ${F_LIBS})
		add_test(NAME fuzz_${NAME}
			COMMAND ${NAME}_replay ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${NAME})
		set_tests_properties(fuzz_${NAME} PROPERTIES LABELS fuzz TIMEOUT 300)
	endif()
endfunction()
