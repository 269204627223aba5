#include "capture/kernel/idle.h"

#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What each event begins with, <linux/trace_events.h>. The kernel lets a program see what follows.
 */
struct common {
  uint16_t type;
  uint8_t flags, preempt_count;
  int32_t pid;
};
enum {
  IN_SOFTIRQ = 0x10, /* the idle task itself does nothing that is traced here */
  BY_PROGRAM = -1,   /* no task's pid: it is 0 in the kernel's own samples of the idle task */
};

enum { STACK_BYTES = 512, WORD = 8, INSTRUCTIONS_MAX = STACK_BYTES / WORD * 2 + 16 };

static int call_bpf(enum bpf_cmd command, union bpf_attr *attr) {
  return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

int kernel_idle_open(unsigned cpus) {
  union bpf_attr attr = {.map_type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
                         .key_size = sizeof(uint32_t),
                         .value_size = sizeof(uint32_t),
                         .max_entries = cpus};
  return call_bpf(BPF_MAP_CREATE, &attr);
}

bool kernel_idle_set_buffer(int idle, unsigned cpu, int output) {
  union bpf_attr attr = {.map_fd = (uint32_t)idle,
                         .key = (uintptr_t)&cpu,
                         .value = (uintptr_t)&output,
                         .flags = BPF_ANY};
  return call_bpf(BPF_MAP_UPDATE_ELEM, &attr) == 0;
}

struct program {
  struct bpf_insn at[INSTRUCTIONS_MAX];
  unsigned n;
};

static void add(struct program *p, int code, unsigned to, unsigned from, int offset,
                int32_t value) {
  p->at[p->n++] = (struct bpf_insn){.code = (uint8_t)code,
                                    .dst_reg = to & 15U,
                                    .src_reg = from & 15U,
                                    .off = (int16_t)offset,
                                    .imm = value};
}

/* 64 bits take two instructions. */
static void add_constant(struct program *p, unsigned to, unsigned from, uint64_t value) {
  add(p, BPF_LD | BPF_DW | BPF_IMM, to, from, 0, (int32_t)(uint32_t)value);
  add(p, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

static void add_call(struct program *p, int helper) { add(p, BPF_JMP | BPF_CALL, 0, 0, 0, helper); }

/* A copy of the event goes from the stack to the buffer, unless some task runs here. The event is
 * not kept from anybody else: that is what the 1 says that it returns. */
static void write_program(struct program *p, int idle, uint16_t type, int bytes) {
  enum { R0 = BPF_REG_0, R1, R2, R3, R4, R5, EVENT, STACK = BPF_REG_10 };
  const struct common common = {.type = type, .flags = IN_SOFTIRQ, .pid = BY_PROGRAM};
  uint64_t first;
  memcpy(&first, &common, sizeof first);
  add(p, BPF_ALU64 | BPF_MOV | BPF_X, EVENT, R1, 0, 0);
  add_call(p, BPF_FUNC_get_current_pid_tgid);
  unsigned jump = p->n;
  add(p, BPF_JMP | BPF_JNE | BPF_K, R0, 0, 0, 0);
  add_constant(p, R1, 0, first);
  add(p, BPF_STX | BPF_MEM | BPF_DW, STACK, R1, -bytes, 0);
  for (int at = WORD; at < bytes; at += WORD) {
    add(p, BPF_LDX | BPF_MEM | BPF_DW, R1, EVENT, at, 0);
    add(p, BPF_STX | BPF_MEM | BPF_DW, STACK, R1, at - bytes, 0);
  }
  add(p, BPF_ALU64 | BPF_MOV | BPF_X, R1, EVENT, 0, 0);
  add_constant(p, R2, BPF_PSEUDO_MAP_FD, (uint64_t)idle);
  add_constant(p, R3, 0, BPF_F_CURRENT_CPU);
  add(p, BPF_ALU64 | BPF_MOV | BPF_X, R4, STACK, 0, 0);
  add(p, BPF_ALU64 | BPF_ADD | BPF_K, R4, 0, 0, -bytes);
  add(p, BPF_ALU64 | BPF_MOV | BPF_K, R5, 0, 0, bytes);
  add_call(p, BPF_FUNC_perf_event_output);
  p->at[jump].off = (int16_t)(p->n - jump - 1);
  add(p, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 1);
  add(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

bool kernel_idle_watch(int idle, int event, uint16_t type, size_t size) {
  struct program program = {.n = 0};
  int bytes = (int)((size + WORD - 1) / WORD * WORD);
  if (size > STACK_BYTES) {
    errno = E2BIG;
    return false;
  }
  write_program(&program, idle, type, bytes);
  /* Who calls perf_event_output says that it is GPL. */
  static const char license[] = "Dual MIT/GPL";
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_TRACEPOINT,
                         .insns = (uintptr_t)program.at,
                         .insn_cnt = program.n,
                         .license = (uintptr_t)license};
  int fd = call_bpf(BPF_PROG_LOAD, &attr);
  if (fd < 0) return false;
  bool attached = ioctl(event, PERF_EVENT_IOC_SET_BPF, fd) == 0;
  int cause = errno;
  close(fd); /* the event holds it */
  errno = cause;
  return attached;
}

static_assert(sizeof(struct common) == KERNEL_IDLE_COMMON_SIZE, "so the kernel has it");

bool kernel_idle_is_double(int32_t tid, const uint8_t octets[static KERNEL_IDLE_COMMON_SIZE]) {
  struct common common;
  memcpy(&common, octets, sizeof common);
  return tid == 0 && common.pid == 0;
}
