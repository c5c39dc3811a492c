// The console: a 16550 UART. Output waits for the UART, input comes by interrupt and is handed out by the line.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

#define REGISTER(n) ((volatile uchar *)(UART0 + (n)))
#define DATA REGISTER(0)              // received or to be sent
#define INTERRUPT_ENABLE REGISTER(1)  // bit 0: when a byte is received
#define FIFO_CONTROL REGISTER(2)
#define LINE_CONTROL REGISTER(3)
#define LINE_STATUS REGISTER(5)
#define RECEIVED 0x01   // of LINE_STATUS
#define CAN_SEND 0x20   // of LINE_STATUS
#define EIGHT_BITS 0x03  // of LINE_CONTROL
#define SET_SPEED 0x80   // of LINE_CONTROL: registers 0 and 1 are the divisor

#define INPUT_SIZE 128
#define CONTROL(letter) ((letter) - '@')

static struct {
  struct spinlock lock;
  char buf[INPUT_SIZE];
  uint r;  // read up to here
  uint w;  // whole lines up to here
  uint e;  // typed up to here
} cons;

static struct spinlock sending;

void consoleinit(void) {
  initlock(&cons.lock, "cons");
  initlock(&sending, "uart");
  *INTERRUPT_ENABLE = 0;
  *LINE_CONTROL = SET_SPEED;
  *REGISTER(0) = 3;  // 38400 baud
  *REGISTER(1) = 0;
  *LINE_CONTROL = EIGHT_BITS;
  *FIFO_CONTROL = 0x07;  // on, and emptied
  *INTERRUPT_ENABLE = 1;
}

void uartputc(int c) {
  int locking = !panicking;
  if (locking)
    acquire(&sending);
  while ((*LINE_STATUS & CAN_SEND) == 0 || panicked)
    ;
  *DATA = c;
  if (locking)
    release(&sending);
}

static void consoleintr(int c) {
  switch (c) {
    case CONTROL('H'):
    case 0x7f:
      if (cons.e != cons.w) {
        cons.e--;
        uartputc('\b');
        uartputc(' ');
        uartputc('\b');
      }
      return;
    case '\r':
      c = '\n';
  }
  if (c == 0 || cons.e - cons.r == INPUT_SIZE)
    return;
  if (c != CONTROL('D'))
    uartputc(c);
  cons.buf[cons.e++ % INPUT_SIZE] = c;
  if (c == '\n' || c == CONTROL('D') || cons.e - cons.r == INPUT_SIZE) {
    cons.w = cons.e;
    wakeup(&cons.r);
  }
}

void uartintr(void) {
  acquire(&cons.lock);
  while (*LINE_STATUS & RECEIVED)
    consoleintr(*DATA);
  release(&cons.lock);
}

// Reads up to n bytes to user address dst: at most a line. Returns their number, 0 at the end (control-D), or -1.
int consoleread(uint64 dst, int n) {
  int got = 0;
  acquire(&cons.lock);
  while (got < n) {
    while (cons.r == cons.w) {
      if (killed(myproc())) {
        release(&cons.lock);
        return -1;
      }
      sleep(&cons.r, &cons.lock);
    }
    char c = cons.buf[cons.r % INPUT_SIZE];
    if (c == CONTROL('D')) {
      if (got == 0)
        cons.r++;  // else the next read finds it
      break;
    }
    if (copyout(myproc()->pagetable, dst + got, &c, 1) == -1) {
      if (got == 0)
        got = -1;
      break;
    }
    cons.r++;
    got++;
    if (c == '\n')
      break;
  }
  release(&cons.lock);
  return got;
}

// Writes n bytes from user address src. Returns how many could be read from there, or -1 if none.
int consolewrite(uint64 src, int n) {
  char chunk[64];
  int done = 0;
  while (done < n) {
    int size = n - done < (int)sizeof(chunk) ? n - done : (int)sizeof(chunk);
    if (copyin(myproc()->pagetable, chunk, src + done, size) == -1)
      return done > 0 ? done : -1;
    for (int i = 0; i < size; i++)
      uartputc(chunk[i]);
    done += size;
  }
  return done;
}
