#include "media/mix/resample.h"

#include <math.h>

// With a step near 1 the whole part of the position keeps its distance to i for many samples: over such a run all
// reads are side by side, and the compiler makes vectors of it.
static void run(const float *in, float at, float step, float *out, int samples)
{
	for (int i = 0; i < samples; i++) {
		float t = at + step * (float)i;
		float a = in[i], b = in[i + 1], c = in[i + 2], d = in[i + 3];
		float c1 = 0.5f * (c - a);
		float c2 = a - 2.5f * b + 2.0f * c - 0.5f * d;
		float c3 = 0.5f * (d - a) + 1.5f * (b - c);
		out[i] = ((c3 * t + c2) * t + c1) * t + b;
	}
}

void hz_resample(const float *in, double *pos, double step, float *out, size_t samples)
{
	double p = *pos, by = step - 1;
	for (size_t done = 0; done < samples;) {
		double whole = floor(p), t = p - whole;
		size_t left = samples - done, n = left;
		double until = by > 0 ? ceil((1 - t) / by) : by < 0 ? floor(t / -by) + 1 : (double)left;
		if (until < (double)n)
			n = until < 1 ? 1 : (size_t)until;
		run(in + (size_t)whole - 1, (float)t, (float)by, out + done, (int)n);
		done += n;
		p += step * (double)n;
	}
	*pos = p;
}
