/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_main.c - runs a fuzz target over stored inputs, without libFuzzer.
 *
 * Arguments are files and directories (read one level deep, names beginning with a dot skipped). Each
 * input is copied to a heap block of exactly its size, so that a sanitizer sees the first byte read
 * past the end. The empty input always runs. Prints the number of inputs; a missing directory is an
 * empty corpus, any other unreadable argument is an error.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned inputs;

static bool run_file(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");

    if (file == NULL || fstat(fileno(file), &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (file != NULL)
            fclose(file);
        return false;
    }

    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size);
    bool ok = (size == 0 || data != NULL) && fread(data, 1, size, file) == size;

    fclose(file);
    if (ok) {
        fprintf(stderr, "%s\n", path); /* the last line before a crash names the input */
        LLVMFuzzerTestOneInput(data, size);
        inputs++;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    return ok;
}

static bool run_directory(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool ok = true;

    if (dir == NULL)
        return errno == ENOENT;
    while ((entry = readdir(dir)) != NULL) {
        char file[4096];
        struct stat st;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
            ok = run_file(file) && ok;
    }
    closedir(dir);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    uint8_t *empty = malloc(1);

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    LLVMFuzzerTestOneInput(empty, 0);
    free(empty);
    inputs++;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode))
            ok = run_file(argv[i]) && ok;
        else
            ok = run_directory(argv[i]) && ok;
    }
    printf("%u inputs\n", inputs);
    return ok ? 0 : 1;
}
