/* To be preloaded: fsync and fdatasync fail with EIO while the file named by VEND_TEST_BROKEN is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int broken(void) {
    const char *path = getenv("VEND_TEST_BROKEN");
    if (path == NULL || access(path, F_OK) != 0) {
        return 0;
    }
    errno = EIO;
    return 1;
}

static int passed_on(const char *name, int fd) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return next(fd);
}

int fsync(int fd) {
    return broken() ? -1 : passed_on("fsync", fd);
}

int fdatasync(int fd) {
    return broken() ? -1 : passed_on("fdatasync", fd);
}
