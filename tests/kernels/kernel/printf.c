// printf for the kernel, and the end of it.

#include <stdarg.h>

#include "types.h"
#include "defs.h"
#include "spinlock.h"

volatile int panicking;  // a panic is being printed: output no longer asks for locks
volatile int panicked;   // it has been printed: no hart writes any more

static struct {
  struct spinlock lock;  // keeps the lines of two harts apart
} pr;

void printfinit(void) { initlock(&pr.lock, "pr"); }

static void printint(long value, int base, int is_signed) {
  char digits[20];
  int n = 0;
  uint64 left = is_signed && value < 0 ? -(uint64)value : (uint64)value;
  do {
    digits[n++] = "0123456789abcdef"[left % base];
    left /= base;
  } while (left != 0);
  if (is_signed && value < 0)
    uartputc('-');
  while (n > 0)
    uartputc(digits[--n]);
}

static void printptr(uint64 value) {
  uartputc('0');
  uartputc('x');
  for (int shift = 60; shift >= 0; shift -= 4)
    uartputc("0123456789abcdef"[(value >> shift) & 0xf]);
}

// Knows %d (int), %x (unsigned int), %p (pointer, 16 digits), %s and %%.
void printf(char *format, ...) {
  va_list arguments;
  int locking = !panicking;
  if (locking)
    acquire(&pr.lock);
  va_start(arguments, format);
  for (char *at = format; *at != 0; at++) {
    if (*at != '%') {
      uartputc(*at);
      continue;
    }
    switch (*++at) {
      case 'd':
        printint(va_arg(arguments, int), 10, 1);
        break;
      case 'x':
        printint(va_arg(arguments, uint), 16, 0);
        break;
      case 'p':
        printptr(va_arg(arguments, uint64));
        break;
      case 's':
        for (char *s = va_arg(arguments, char *); *s != 0; s++)
          uartputc(*s);
        break;
      default:
        uartputc(*at);
    }
  }
  va_end(arguments);
  if (locking)
    release(&pr.lock);
}

void panic(char *why) {
  panicking = 1;
  printf("panic: %s\n", why);
  panicked = 1;
  for (;;)
    ;
}
