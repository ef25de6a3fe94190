# hz_embed(target file symbol): the bytes of a file as `const unsigned char symbol[]` and `const unsigned symbol_bytes`,
# compiled into the target. Run with -P it is the generator itself.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${HZ_IN}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," body "${hex}")
  string(REGEX REPLACE "((0x..,){16})" "\\1\n" body "${body}")
  file(WRITE "${HZ_OUT}" "extern const unsigned char ${HZ_SYMBOL}[];\nextern const unsigned ${HZ_SYMBOL}_bytes;\n"
    "const unsigned char ${HZ_SYMBOL}[] = {\n${body}0};\nconst unsigned ${HZ_SYMBOL}_bytes = ${bytes};\n")
  return()
endif()

function(hz_embed target file symbol)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c")
  add_custom_command(OUTPUT "${out}" DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${file}" "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
    COMMAND "${CMAKE_COMMAND}" -DHZ_IN=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DHZ_OUT=${out} -DHZ_SYMBOL=${symbol}
      -P "${PROJECT_SOURCE_DIR}/cmake/embed.cmake" VERBATIM)
  target_sources(${target} PRIVATE "${out}")
endfunction()
