# Language level, warnings, hardening and the instrumented builds.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # recvmmsg, memfd_create, accept4
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(HZ_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
option(HZ_COVERAGE "instrument for coverage" OFF)
set(HZ_SANITIZE "" CACHE STRING "address,undefined or thread")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
  -Wall -Wextra -Werror $<$<COMPILE_LANGUAGE:C>:-Wshadow> -Wpointer-arith $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wno-unused-parameter -fno-common
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wlogical-op -Wno-format-truncation -Wduplicated-cond -fstack-clash-protection -fcf-protection)
endif()
add_link_options(-Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -pie)

if(HZ_SANITIZE)
  add_compile_options(-fsanitize=${HZ_SANITIZE} -fno-sanitize-recover=all)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized) # instrumented code misleads gcc's flow analysis
  endif()
  add_link_options(-fsanitize=${HZ_SANITIZE})
  find_program(HZ_LLD ld.lld)
  if(HZ_LLD AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Hundreds of test programs, each with all of the house: a fraction of GNU ld's time. (Not mold: its 1.10 places RELRO
    # wrongly, or never ends, for programs of certain sizes.)
    add_link_options(-fuse-ld=lld)
  endif()
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT HZ_FUZZ)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(HZ_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
if(HZ_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
