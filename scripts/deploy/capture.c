/*
 * The launcher of the capture helper, for accounts that are not root: it opens the one packet socket
 * with the filter locked in it, gives up what allowed that, and becomes the program it is given.
 *
 *   cc -O2 -Wall -o ptywrap-capture scripts/deploy/capture.c
 *   install -o root -g GROUP -m 0750 ptywrap-capture /usr/local/libexec/ptywrap-capture
 *   setcap cap_net_raw+ep /usr/local/libexec/ptywrap-capture
 *
 * Whoever may run it can learn which hosts any account of this machine talks to, and nothing else:
 * the socket is on descriptor 4, its filter cannot be changed, and no capability is left. So no
 * interpreter ever holds one, and no file of an account is read before they are gone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIPE 3
#define DESCRIPTOR 4

/* The program of netsniff/capture/filter.py; a test compares the two. */
static struct sock_filter program[] = {
    {0x20, 0, 0, 0xfffff000},
    {0x15, 1, 0, 0x00000800},
    {0x15, 5, 32, 0x000086dd},
    {0x28, 0, 0, 0x00000006},
    {0x45, 30, 0, 0x00001fff},
    {0xb1, 0, 0, 0x00000000},
    {0x30, 0, 0, 0x00000009},
    {0x05, 0, 0, 0x00000002},
    {0x01, 0, 0, 0x00000028},
    {0x30, 0, 0, 0x00000006},
    {0x15, 1, 0, 0x00000006},
    {0x15, 9, 23, 0x00000011},
    {0x50, 0, 0, 0x0000000c},
    {0x54, 0, 0, 0x000000f0},
    {0x74, 0, 0, 0x00000002},
    {0x0c, 0, 0, 0x00000000},
    {0x07, 0, 0, 0x00000000},
    {0x48, 0, 0, 0x00000000},
    {0x15, 0, 16, 0x00001603},
    {0x50, 0, 0, 0x00000005},
    {0x15, 15, 14, 0x00000001},
    {0x48, 0, 0, 0x00000000},
    {0x15, 2, 0, 0x00000035},
    {0x48, 0, 0, 0x00000002},
    {0x15, 2, 10, 0x000001bb},
    {0x50, 0, 0, 0x0000000a},
    {0x45, 9, 8, 0x00000080},
    {0x50, 0, 0, 0x00000008},
    {0x54, 0, 0, 0x000000f0},
    {0x15, 1, 0, 0x000000c0},
    {0x15, 2, 4, 0x000000d0},
    {0x40, 0, 0, 0x00000009},
    {0x15, 3, 2, 0x00000001},
    {0x40, 0, 0, 0x00000009},
    {0x15, 1, 0, 0x6b3343cf},
    {0x06, 0, 0, 0x00000000},
    {0x06, 0, 0, 0x00000800},
};

/* Says why in the words of netsniff/capture/records.py, too, where whoever started us listens. */
static int fail(const char *what) {
    const char *reason = strerror(errno);

    fprintf(stderr, "%s: %s\n", what, reason);
    dprintf(PIPE, "F the launcher: %s: %s\n", what, reason);
    return 126;
}

int main(int count, char **arguments) {
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    struct sockaddr_ll every = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    int locked = 1;
    int heard;

    if (count < 2) {
        fprintf(stderr, "usage: %s PROGRAM [ARGUMENT...]\n", arguments[0] ? arguments[0] : "");
        return 2;
    }
    /* With protocol 0 nothing arrives before the filter is in place. */
    heard = socket(AF_PACKET, SOCK_DGRAM, 0);
    if (heard < 0)
        return fail("socket");
    if (setsockopt(heard, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
        setsockopt(heard, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof locked))
        return fail("setsockopt");
    if (bind(heard, (struct sockaddr *)&every, sizeof every))
        return fail("bind");
    memset(none, 0, sizeof none);
    if (syscall(SYS_capset, &header, none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail("capset");
    if (heard != DESCRIPTOR) {
        if (dup2(heard, DESCRIPTOR) < 0)
            return fail("dup2");
        close(heard);
    }
    execv(arguments[1], arguments + 1);
    return fail(arguments[1]);
}
