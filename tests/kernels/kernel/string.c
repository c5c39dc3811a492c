// Memory and strings.

#include "types.h"
#include "defs.h"

// By four words where dst and n allow it: kinit() fills all of RAM.
void *memset(void *dst, int c, uint64 n) {
  uchar *at = dst;
  uchar *limit = at + n;
  if (((uint64)at | n) % 32 == 0) {
    uint64 word = (uchar)c * 0x0101010101010101UL;
    for (; at < limit; at += 32) {
      uint64 *words = (uint64 *)at;
      words[0] = words[1] = words[2] = words[3] = word;
    }
  }
  for (; at < limit; at++)
    *at = c;
  return dst;
}

// The ranges may overlap.
void *memmove(void *dst, const void *src, uint64 n) {
  char *d = dst;
  const char *s = src;
  if (s < d && d < s + n) {
    for (; n > 0; n--)
      d[n - 1] = s[n - 1];
    return dst;
  }
  if (((uint64)d | (uint64)s | n) % 8 == 0) {
    for (; n > 0; n -= 8, d += 8, s += 8)
      *(uint64 *)d = *(const uint64 *)s;
  }
  for (; n > 0; n--)
    *d++ = *s++;
  return dst;
}

// For assignments of structs, which the compiler may turn into calls.
void *memcpy(void *dst, const void *src, uint64 n) { return memmove(dst, src, n); }

int strncmp(const char *a, const char *b, uint64 n) {
  for (; n > 0; n--, a++, b++) {
    if (*a != *b || *a == 0)
      return (uchar)*a - (uchar)*b;
  }
  return 0;
}

// Copies at most n - 1 characters, and always ends with a 0.
char *safestrcpy(char *dst, const char *src, int n) {
  char *at = dst;
  if (n <= 0)
    return dst;
  while (--n > 0 && *src != 0)
    *at++ = *src++;
  *at = 0;
  return dst;
}

int strlen(const char *s) {
  int n = 0;
  while (s[n] != 0)
    n++;
  return n;
}
