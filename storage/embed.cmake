# cmake -DDIR=migrations -DOUT=file.c -P embed.cmake
# Turns NNNN_name.sql files into one C table, by number; no number comes twice.
file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(last 0)
set(arrays "")
set(rows "")
foreach(f ${files})
	get_filename_component(base ${f} NAME_WE)
	if(NOT base MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
		message(FATAL_ERROR "${f}: not named NNNN_name.sql")
	endif()
	set(name ${CMAKE_MATCH_2})
	string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
	if(NOT number GREATER last)
		message(FATAL_ERROR "${f}: number ${number} comes twice")
	endif()
	set(last ${number})
	file(READ ${f} hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND arrays "static const char sql_${number}[] = { ${bytes} 0x00 };\n")
	string(APPEND rows "\t{ ${number}, \"${name}\", sql_${number} },\n")
endforeach()
file(WRITE ${OUT}.new "/* Made by embed.cmake from storage/migrations. */
#include \"db_int.h\"

${arrays}
const struct db_migration db_migrations[] = {
${rows}};
const size_t db_n_migrations = sizeof(db_migrations) / sizeof(db_migrations[0]);
")
file(COPY_FILE ${OUT}.new ${OUT})
