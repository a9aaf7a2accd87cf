# Language level, warnings, sanitizers: one place, through one interface target.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
	set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
	set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(warbler_flags INTERFACE)
target_compile_definitions(warbler_flags INTERFACE _GNU_SOURCE)
target_compile_options(warbler_flags INTERFACE
	-Wall -Wextra -Wpedantic -Werror -Wshadow -Wformat=2 -Wundef -Wwrite-strings -Wpointer-arith
	$<$<COMPILE_LANGUAGE:C>:-Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
	-Wvla -Wcast-qual -Wswitch-enum
	-include ${CMAKE_SOURCE_DIR}/core/base/banned.h>)
if(WARBLER_SANITIZE)
	target_compile_options(warbler_flags INTERFACE -fsanitize=${WARBLER_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	target_link_options(warbler_flags INTERFACE -fsanitize=${WARBLER_SANITIZE})
	target_compile_definitions(warbler_flags INTERFACE WARBLER_SANITIZED=1)
endif()
if(WARBLER_FUZZ)
	target_compile_options(warbler_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
