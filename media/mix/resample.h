// Plays samples a little faster or slower than they were taken: cubic interpolation (Catmull-Rom) at steps near 1.
#ifndef HZ_MEDIA_MIX_RESAMPLE_H
#define HZ_MEDIA_MIX_RESAMPLE_H

#include <stddef.h>

// out[i] is `in` at *pos + i * step; *pos moves on by samples * step. The caller sees to it that *pos >= 1 and that `in` has
// more than *pos + samples * step + 2 samples. step in 0.9..1.1.
void hz_resample(const float *in, double *pos, double step, float *out, size_t samples);

#endif
