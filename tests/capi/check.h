/* What both programs check with: the first surprise ends them, with its line and what the library says. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wayside.h"

#define CHECK(holds)                                                                                     \
    do {                                                                                                 \
        if (!(holds)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s; %s\n", __FILE__, __LINE__, #holds, wayside_message());           \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

#define CHECK_OK(call) CHECK((call) == WAYSIDE_STATUS_OK)

/* The call must fail so, and say a sentence with these words. */
#define CHECK_FAILS(call, status, words)                                                                 \
    do {                                                                                                 \
        CHECK((call) == (status));                                                                       \
        CHECK(strstr(wayside_message(), (words)) != NULL);                                               \
    } while (0)

/* A text of a JSON document, by its key: the first, unescaped as far as these tests need it. */
static char *text_of(const char *json, const char *key) {
    char *pattern = (char *)malloc(strlen(key) + 5);
    CHECK(pattern != NULL);
    sprintf(pattern, "\"%s\":\"", key);
    const char *from = strstr(json, pattern);
    CHECK(from != NULL);
    from += strlen(pattern);
    free(pattern);
    char *text = (char *)malloc(strlen(from) + 1), *to = text;
    CHECK(text != NULL);
    for (; *from != '"'; from++) {
        if (*from == '\\' && *++from == 'n') {
            *to++ = '\n';
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return text;
}

#endif
