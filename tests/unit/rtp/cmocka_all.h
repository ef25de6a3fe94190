// cmocka wants these four before it.
#ifndef HZ_TESTS_UNIT_RTP_CMOCKA_ALL_H
#define HZ_TESTS_UNIT_RTP_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
