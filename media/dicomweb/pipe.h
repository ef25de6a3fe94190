// huizhen-imaging: asks PACS for what control wants, keeps answers on the disk. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_H
#define HZ_MEDIA_DICOMWEB_PIPE_H

struct hz_dweb_times;

// Until control's socket ends (0) or something that cannot be mended. times NULL: the defaults.
int hz_dweb_pipe_run(int api, const struct hz_dweb_times *times);

#endif
