# cmake -DIN=file -DOUT=file.h -DNAME=symbol -P embed_file.cmake: a file's bytes as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "/* made from ${NAME}'s source file at build time */\nstatic const unsigned char ${NAME}[] = {\n${bytes}\n};\nenum { ${NAME}_len = sizeof(${NAME}) };\n")
