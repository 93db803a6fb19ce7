/* SPDX-License-Identifier: Apache-2.0 */
/* tun.c - see tun.h. A TUN device is made in the namespace of whoever opens /dev/net/tun. */
#include "tests/net/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"

#define MAX_PATH 256u
/* Packets that wait in the kernel while this program does not run; its own 500 are 30 ms of 200 Mb/s. */
#define DEVICE_QUEUE_PACKETS 5000

static int open_netns(const char *name)
{
    char path[MAX_PATH];

    (void)snprintf(path, sizeof path, "/run/netns/%s", name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int make_device(const char *device)
{
    struct ifreq request = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (fd < 0 || any < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        goto fail;
    request.ifr_qlen = DEVICE_QUEUE_PACKETS;
    if (ioctl(any, SIOCSIFTXQLEN, &request) != 0)
        goto fail;
    (void)close(any);
    return fd;
fail:;
    int cause = errno;
    if (fd >= 0)
        (void)close(fd);
    if (any >= 0)
        (void)close(any);
    errno = cause;
    return -1;
}

int tun_open(const char *netns, const char *device)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int there = open_netns(netns), fd = -1, cause;

    if (home >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
        fd = make_device(device);
        cause = errno;
        CHECK(setns(home, CLONE_NEWNET) == 0);
    } else {
        cause = errno;
    }
    if (home >= 0)
        (void)close(home);
    if (there >= 0)
        (void)close(there);
    errno = cause;
    return fd;
}
