/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs files, and all files of folders, through a fuzz target without a fuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned replayed;

static int replay_file(const char *name)
{
	FILE *stream = fopen(name, "rb");
	uint8_t *data;
	long size;

	if (stream == NULL || fseek(stream, 0, SEEK_END) != 0 || (size = ftell(stream)) < 0) {
		perror(name);
		return 1;
	}
	rewind(stream);
	data = malloc((size_t)size + 1);
	MUST_HOLD(data != NULL);
	MUST_HOLD(fread(data, 1, (size_t)size, stream) == (size_t)size);
	fclose(stream);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	replayed++;
	return 0;
}

static int replay_folder(const char *name)
{
	DIR *folder = opendir(name);
	struct dirent *entry;
	int failed = 0;

	if (folder == NULL) {
		perror(name);
		return 1;
	}
	while ((entry = readdir(folder)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		failed |= replay_file(path);
	}
	closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat status;
		int is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);

		failed |= is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
	}
	printf("%s: %u inputs\n", argv[0], replayed);
	return failed || replayed == 0;
}
