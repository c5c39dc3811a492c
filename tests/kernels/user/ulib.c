// The little that user programs share.

#include <stdarg.h>

#include "user.h"

void start(int argc, char **argv) { exit(main(argc, argv)); }

void *memset(void *dst, int c, uint64 n) {
  for (uint64 i = 0; i < n; i++)
    ((volatile char *)dst)[i] = c;
  return dst;
}

void *memmove(void *dst, const void *src, uint64 n) {
  volatile char *d = dst;
  const char *s = src;
  if (s < (char *)dst) {
    while (n-- > 0)
      d[n] = s[n];
  } else {
    for (uint64 i = 0; i < n; i++)
      d[i] = s[i];
  }
  return dst;
}

void *memcpy(void *dst, const void *src, uint64 n) { return memmove(dst, src, n); }

int strcmp(const char *a, const char *b) {
  for (; *a && *a == *b; a++, b++)
    ;
  return (uchar)*a - (uchar)*b;
}

uint64 strlen(const char *s) {
  uint64 n = 0;
  while (s[n])
    n++;
  return n;
}

static char line[256];
static int used;

static void put(char c) {
  if (used == sizeof(line)) {
    write(1, line, used);
    used = 0;
  }
  line[used++] = c;
}

static void number(uint64 value, uint base) {
  if (value >= base)
    number(value / base, base);
  put("0123456789abcdef"[value % base]);
}

void printf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  used = 0;
  for (const char *at = format; *at; at++) {
    if (*at != '%') {
      put(*at);
      continue;
    }
    switch (*++at) {
      case 'd': {
        int value = va_arg(arguments, int);
        if (value < 0)
          put('-');
        number(value < 0 ? -(uint64)value : (uint64)value, 10);
        break;
      }
      case 'x':
        number(va_arg(arguments, uint), 16);
        break;
      case 'p':
        number(va_arg(arguments, uint64), 16);
        break;
      case 's':
        for (const char *s = va_arg(arguments, const char *); *s; s++)
          put(*s);
        break;
      default:
        put(*at);
    }
  }
  va_end(arguments);
  write(1, line, used);
  used = 0;
}
