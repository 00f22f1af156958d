/* The walls around the intake child. After sandbox_enter the process can read,
 * write, accept on and close what it holds, use memory and tell the time; it
 * cannot open a file, make a socket, start a program or look at another
 * process. What the kernel lacks is logged; without seccomp it is an error. */
#ifndef LUY_INTAKE_SANDBOX_H
#define LUY_INTAKE_SANDBOX_H
#include "base/err.h"

struct sandbox {
    uint64_t memory_max;
    uint32_t files_max;
};
/* Raises the file limit as far as it may; returns what it is now. */
uint32_t sandbox_files(uint32_t wanted);
int sandbox_enter(const struct sandbox *s, struct err *e);
#endif
