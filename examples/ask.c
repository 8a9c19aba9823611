/* Asks one question, and speaks the answer sentence by sentence.
 *
 *   cargo rustc --release --lib --crate-type cdylib
 *   cc examples/ask.c -Isrc/capi target/release/libwayside.so -o ask && ./ask HOME "How long is the warranty?" */

#include "wayside.h"

#include <stdio.h>
#include <string.h>

static int speak(void *user, const char *text, size_t length) {
    (void)user;
    (void)length;
    printf("%s\n", text);
    return 0; /* anything else stops the answer */
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "say a home and a question\n");
        return 2;
    }
    wayside_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.abi_version = WAYSIDE_ABI_VERSION;
    options.home = argv[1];
    wayside_runtime *runtime = NULL;
    if (wayside_open(&options, &runtime) != WAYSIDE_STATUS_OK) {
        fprintf(stderr, "%s\n", wayside_message());
        return 1;
    }
    wayside_question question;
    memset(&question, 0, sizeof question);
    question.size = sizeof question;
    question.text = argv[2];
    question.flags = WAYSIDE_QUESTION_SENTENCES;
    char *json = NULL;
    int status = wayside_ask(runtime, &question, speak, NULL, NULL, &json);
    if (status == WAYSIDE_STATUS_OK)
        printf("%s\n", json); /* with its citations */
    else
        fprintf(stderr, "%s\n", wayside_message());
    wayside_free(json);
    wayside_close(runtime);
    return status != WAYSIDE_STATUS_OK;
}
