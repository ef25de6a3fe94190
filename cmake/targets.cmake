# hz_library(NAME [LIBS ...]): a static library of every .c file in this folder.
function(hz_library name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY HZ_LIBRARIES ${name})
endfunction()
