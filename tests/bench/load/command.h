// The lines that drive the load generator: "connect N key=value ...". Pure. Thread: any.
#ifndef HZ_TESTS_BENCH_LOAD_COMMAND_H
#define HZ_TESTS_BENCH_LOAD_COMMAND_H

#include "tests/bench/load/peer.h"

// The words after "connect N"; the text is cut up. 0; -EINVAL unknown word or bad value; -EDESTADDRREQ incomplete.
//   role=controlling|controlled  dtls=client|server  ufrag= pwd= addr=IPv4:PORT      of the server
//   audio=PT,MID  video=PT,MID                                                        what we send
//   mid=ID twcc=ID level=ID                                                           extensions of what we send
//   rvideo=PT rrtx=PT rtwcc=ID fid=RTX:MEDIA (several)                                what we receive
//   start=MICROSECONDS                                                                when the join began
int load_command_connect(char *words, struct load_setup *ret);

#endif
