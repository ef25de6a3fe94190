#include "tests/unit/imaging/fake_film.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fake_bytes slurp(const char *path)
{
	struct fake_bytes all = {0};
	uint8_t piece[65536];
	size_t n;
	FILE *f = fopen(path, "rb");
	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		fake_put(&all, piece, n);
	if (f)
		fclose(f);
	return all;
}

static void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

struct fake_bytes fake_film(const struct fake_film *film, unsigned pictures, struct fake_bytes *planes)
{
	char folder[] = "/tmp/hz-film-XXXXXX", path[64], raw[64], command[1024];
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/x.%s", folder, film->ending);
	snprintf(raw, sizeof(raw), "%s/raw", folder);
	snprintf(command, sizeof(command),
	         "ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=s=%dx%d:r=25,noise=alls=12:allf=t "
	         "-f lavfi -i sine -frames:v %u -shortest -threads 1 -pix_fmt %s %s %s",
	         FILM_COLUMNS, FILM_ROWS, pictures, film->bits > 8 ? "yuv420p10le" : "yuv420p", film->options,
	         path);
	run(command);
	struct fake_bytes stream = slurp(path);
	if (planes) {
		snprintf(command, sizeof(command),
		         "ffmpeg -nostdin -v error -y -i %s -map 0:v -vsync 0 -f rawvideo %s", path, raw);
		run(command);
		*planes = slurp(raw);
		unlink(raw);
	}
	unlink(path);
	rmdir(folder);
	return stream;
}

struct hz_pixel_shape fake_film_shape(const struct fake_film *film)
{
	return (struct hz_pixel_shape){.columns = FILM_COLUMNS,
	                               .rows = FILM_ROWS,
	                               .samples = 3,
	                               .bits_allocated = film->bits > 8 ? 16 : 8,
	                               .bits_stored = film->bits,
	                               .high_bit = film->bits - 1,
	                               .photometric = HZ_YBR_PARTIAL_420};
}

struct fake_bytes fake_film_object(const struct fake_film *film, const struct fake_bytes *stream,
                                   unsigned fragments, uint32_t frames)
{
	const struct hz_pixel_shape shape = fake_film_shape(film);
	struct fake_bytes *piece = calloc(fragments, sizeof(*piece));
	struct fake_dicom d;
	size_t step = (stream->bytes / fragments + 1) & ~(size_t)1, at = 0;
	if (!piece)
		abort();
	fake_begin(&d, FAKE_EXPLICIT, film->uid);
	fake_shape(&d, &shape, frames);
	fake_text(&d, 0x00181063, "DS", "40");
	for (unsigned i = 0; i < fragments; i++) {
		size_t n = i + 1 < fragments ? step : stream->bytes - at;
		fake_put(&piece[i], stream->data + at, n);
		at += n;
	}
	fake_fragments(&d, piece, fragments, NULL, 0);
	for (unsigned i = 0; i < fragments; i++)
		fake_bytes_done(&piece[i]);
	free(piece);
	return fake_end(&d);
}
