/*
 * Every function of the C ABI, as a program for a device would use it: on one thread, without an environment.
 *
 * everything HOME TINY DOCUMENTS BAD_LIBRARY [BRIEFLY]: a home with the default models; one with a tiny model and a log
 * to learn from; a folder of documents; a file that is no ONNX Runtime; and, where a machine is emulated, any word.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>

#include "check.h"

/* Stands before the C library's: whatever asks for a variable comes here, and libwayside must not. */
static int read_environment;

extern char **environ;

char *getenv(const char *name) {
    Dl_info caller;
    if (dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, "wayside")) {
        fprintf(stderr, "the library reads %s\n", name);
        read_environment++;
    }
    size_t length = strlen(name);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') {
            return *entry + length + 1;
        }
    }
    return NULL;
}

/* Threads of this process. An emulator has some of its own. */
static int threads(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        count += task->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

/* Those that it began with. */
static int first_threads;

/* What was said, piece by piece. */
struct heard {
    char text[8192];
    size_t length;
    int pieces;
    int stop_after;
    int most_threads;
};

static int32_t hear(void *user, const char *text, size_t length) {
    struct heard *heard = user;
    CHECK(strlen(text) == length && heard->length + length < sizeof heard->text);
    memcpy(heard->text + heard->length, text, length);
    heard->length += length;
    heard->text[heard->length] = 0;
    int now = threads();
    heard->most_threads = now > heard->most_threads ? now : heard->most_threads;
    return ++heard->pieces == heard->stop_after;
}

/* How work came along. */
struct told {
    uint64_t furthest;
    int calls;
    int stop;
};

static int32_t tell(void *user, const char *stage, const char *note, uint64_t done, uint64_t total) {
    struct told *told = user;
    CHECK(stage != NULL && (note != NULL || total == 0 || done <= total));
    told->furthest = done > told->furthest ? done : told->furthest;
    told->calls++;
    return told->stop;
}

static wayside_options options_for(const char *home) {
    wayside_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.abi_version = WAYSIDE_ABI_VERSION;
    options.home = home;
    return options;
}

static wayside_question question_of(const char *text) {
    wayside_question question;
    memset(&question, 0, sizeof question);
    question.size = sizeof question;
    question.text = text;
    question.max_tokens = 12;
    return question;
}

static void opening(const char *home, const char *bad_library) {
    CHECK(wayside_abi_version() >= WAYSIDE_ABI_VERSION && strchr(wayside_version(), '.') != NULL);
    CHECK(wayside_message()[0] == 0);
    wayside_runtime *runtime = (wayside_runtime *)&runtime;
    wayside_options options = options_for(home);
    CHECK_FAILS(wayside_open(NULL, &runtime), WAYSIDE_STATUS_INVALID, "the options is a null pointer");
    CHECK(runtime == NULL);
    CHECK_FAILS(wayside_open(&options, NULL), WAYSIDE_STATUS_INVALID, "null pointer");
    options.size = 0;
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "sizeof");
    options = options_for(NULL);
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "`home` is a null pointer");
    options = options_for("");
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "as a home");
    options = options_for("caf\xe9");
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "not UTF-8");
    options = options_for(home);
    options.abi_version = WAYSIDE_ABI_VERSION + 1;
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INCOMPATIBLE, "link a newer library");
    options = options_for(home);
    options.flags = 1u << 31;
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "0x80000000");
    options.flags = 0;
    options.threads = 5000;
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "1024");
    options = options_for(home);
    options.device = "gpu";
    CHECK_FAILS(wayside_open(&options, &runtime), WAYSIDE_STATUS_INVALID, "choose cpu, cuda, tensorrt or auto");

    /* A program that knows less of the options than the library, and one that knows more but asks for nothing. */
    options = options_for(home);
    options.size = offsetof(wayside_options, parts);
    CHECK_OK(wayside_open(&options, &runtime));
    wayside_close(runtime);
    struct {
        wayside_options known;
        uint64_t newer;
    } newer = {options_for(home), 0};
    newer.known.size = sizeof newer;
    CHECK_OK(wayside_open(&newer.known, &runtime));
    wayside_close(runtime);
    newer.newer = 1;
    CHECK_FAILS(wayside_open(&newer.known, &runtime), WAYSIDE_STATUS_INCOMPATIBLE, "leave them zero");

    /* What is wrong with the machine shows when it is needed, and nothing is fetched unasked. */
    options = options_for(home);
    options.library = bad_library;
    CHECK_OK(wayside_open(&options, &runtime));
    CHECK_FAILS(wayside_search(runtime, "stove", 3, NULL, NULL), WAYSIDE_STATUS_CORRUPT, "no whole shared library");
    wayside_close(runtime);
    options = options_for(home);
    options.device = "cuda";
    options.flags = WAYSIDE_OPEN_NO_FALLBACK;
    CHECK_OK(wayside_open(&options, &runtime));
    CHECK_FAILS(wayside_search(runtime, "stove", 3, NULL, NULL), WAYSIDE_STATUS_UNSUPPORTED, "the CPU may not");
    wayside_close(runtime);
    options = options_for(home);
    options.parts = "/nowhere";
    CHECK_OK(wayside_open(&options, &runtime));
    CHECK_FAILS(wayside_search(runtime, "stove", 3, NULL, NULL), WAYSIDE_STATUS_NOT_FOUND, "onnxruntime");
    wayside_close(runtime);
    wayside_close(NULL);
    wayside_free(NULL);
}

static void documents(const wayside_runtime *runtime, const char *folder) {
    char *json = NULL;
    const char *paths[] = {folder, NULL};
    CHECK_FAILS(wayside_ingest(NULL, paths, 1, NULL, NULL, NULL, NULL, &json), WAYSIDE_STATUS_INVALID, "null pointer");
    CHECK(json == NULL);
    CHECK_FAILS(wayside_ingest(runtime, NULL, 1, NULL, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "a path");
    CHECK_FAILS(wayside_ingest(runtime, paths, 2, NULL, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "a path");
    const char *gone[] = {"/nowhere/at all"};
    CHECK_FAILS(wayside_ingest(runtime, gone, 1, NULL, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_NOT_FOUND, "nowhere");

    struct told told = {0, 0, 1};
    CHECK_FAILS(wayside_ingest(runtime, paths, 1, NULL, tell, &told, NULL, NULL), WAYSIDE_STATUS_CANCELLED, "stopped");
    CHECK(told.calls > 0);
    wayside_cancel_token *token = wayside_cancel_token_new();
    wayside_cancel(token);
    CHECK_FAILS(wayside_ingest(runtime, paths, 1, NULL, NULL, NULL, token, NULL), WAYSIDE_STATUS_CANCELLED, "stopped");
    wayside_cancel_token_close(token);
    wayside_cancel_token_close(NULL);
    wayside_cancel(NULL);

    told.stop = 0;
    CHECK_OK(wayside_ingest(runtime, paths, 1, "shop", tell, &told, NULL, &json));
    CHECK(strstr(json, "\"removed\":0") != NULL && strstr(json, "\"documents\":0") == NULL && told.furthest > 0);
    wayside_free(json);
    CHECK_OK(wayside_search(runtime, "How do I clean the stove?", 3, "shop", &json));
    CHECK(strstr(json, "\"document\":") != NULL && strstr(json, "\"score\":") != NULL);
    wayside_free(json);
    CHECK_FAILS(wayside_search(runtime, "\xff", 3, NULL, &json), WAYSIDE_STATUS_INVALID, "the query is not UTF-8");
    CHECK_FAILS(wayside_search(runtime, NULL, 3, NULL, &json), WAYSIDE_STATUS_INVALID, "the query is a null pointer");
}

static void asking(const wayside_runtime *runtime) {
    struct heard heard;
    memset(&heard, 0, sizeof heard);
    char *json = NULL;
    /* Stopped from the callback: that answer alone, not every call with the token. */
    wayside_cancel_token *token = wayside_cancel_token_new();
    heard.stop_after = 1;
    wayside_question question = question_of("Tell me a story about rain.");
    question.flags = WAYSIDE_QUESTION_NO_RETRIEVAL | WAYSIDE_QUESTION_TEMPERATURE;
    question.temperature = 0.8f;
    question.seed = 7;
    question.max_tokens = 200;
    question.adapter = "none";
    CHECK_OK(wayside_ask(runtime, &question, hear, &heard, token, &json));
    CHECK(strstr(json, "\"finish\":\"cancelled\"") != NULL && heard.pieces == 1);
    wayside_free(json);

    memset(&heard, 0, sizeof heard);
    question = question_of("How long do I have to return an unused stove?");
    question.subject = "ann";
    CHECK_OK(wayside_ask(runtime, &question, hear, &heard, token, &json));
    wayside_cancel_token_close(token);
    char *answer = text_of(json, "answer"), *id = text_of(json, "interaction");
    /* What is shown has marks, the answer has none. */
    CHECK(heard.pieces >= 1 && strncmp(heard.text, answer, 16) == 0 && strchr(answer, '[') == NULL);
    CHECK(strstr(json, "\"hits\":[{") != NULL && strstr(json, "\"citations\":[") != NULL);
    CHECK(heard.most_threads == first_threads);
    free(answer);
    wayside_free(json);

    CHECK_OK(wayside_rate(runtime, id, 1, &json));
    CHECK(strcmp(json, "null") == 0);
    wayside_free(json);
    CHECK_OK(wayside_rate(runtime, id, -1, NULL));
    CHECK_OK(wayside_correct(runtime, id, "Thirty days.", NULL));
    CHECK_FAILS(wayside_rate(runtime, id, 0, NULL), WAYSIDE_STATUS_INVALID, "0 says nothing");
    CHECK_FAILS(wayside_rate(runtime, "no such id", 1, NULL), WAYSIDE_STATUS_NOT_FOUND, "no such id");
    CHECK_FAILS(wayside_correct(runtime, id, " ", NULL), WAYSIDE_STATUS_INVALID, "needs a text");
    free(id);

    CHECK_FAILS(wayside_ask(runtime, NULL, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "the question");
    question = question_of("  ");
    CHECK_FAILS(wayside_ask(runtime, &question, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "empty");
    question = question_of("Why?");
    question.model = "no-such-model";
    CHECK_FAILS(wayside_ask(runtime, &question, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_NOT_FOUND, "no-such-model");
    question.model = NULL;
    question.adapter = "0123";
    CHECK_FAILS(wayside_ask(runtime, &question, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_NOT_FOUND, "0123");
    question.flags = 8;
    CHECK_FAILS(wayside_ask(runtime, &question, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "0x8");
}

static void conversing(const wayside_runtime *runtime) {
    wayside_chat *chat = NULL;
    CHECK_FAILS(wayside_chat_open(runtime, "no-such-model", NULL, &chat), WAYSIDE_STATUS_NOT_FOUND, "no-such-model");
    CHECK(chat == NULL);
    CHECK_OK(wayside_chat_open(runtime, NULL, "none", &chat));
    struct heard heard;
    memset(&heard, 0, sizeof heard);
    wayside_question question = question_of("Which stoves do you sell?");
    CHECK_OK(wayside_chat_ask(chat, &question, hear, &heard, NULL, NULL));
    question.text = "And which is lighter?";
    char *json = NULL;
    CHECK(heard.pieces > 0);
    memset(&heard, 0, sizeof heard);
    /* Whole sentences, without marks. */
    question.flags = WAYSIDE_QUESTION_SENTENCES;
    CHECK_OK(wayside_chat_ask(chat, &question, hear, &heard, NULL, &json));
    CHECK(strstr(json, "\"answer\":") != NULL && heard.pieces > 0 && strchr(heard.text, '[') == NULL);
    wayside_free(json);
    CHECK_OK(wayside_chat_end(chat));
    CHECK_FAILS(wayside_chat_ask(NULL, &question, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "the conversation");
    wayside_chat_close(chat);
    wayside_chat_close(NULL);
}

static void caring(const wayside_runtime *runtime) {
    char *json = NULL;
    CHECK_FAILS(wayside_erase(runtime, "nobody", &json), WAYSIDE_STATUS_NOT_FOUND, "nobody");
    CHECK_OK(wayside_erase(runtime, "ann", &json));
    char *receipt = text_of(json, "path");
    wayside_free(json);
    CHECK_OK(wayside_verify_erasure(runtime, receipt, &json));
    CHECK(strstr(json, "\"ok\":true") != NULL && strstr(json, "\"ok\":false") == NULL);
    wayside_free(json);
    free(receipt);
    CHECK_FAILS(wayside_verify_erasure(runtime, "/nowhere", &json), WAYSIDE_STATUS_NOT_FOUND, "nowhere");
    CHECK_OK(wayside_doctor(runtime, &json));
    CHECK(strstr(json, "onnxruntime") != NULL && strstr(json, "\"blocks\":true") == NULL);
    wayside_free(json);
}

static void learning(const wayside_runtime *runtime, int briefly) {
    char *json = NULL;
    struct told told = {0, 0, 1};
    CHECK_FAILS(wayside_learn(runtime, 0, 2, NULL, NULL, NULL, NULL), WAYSIDE_STATUS_INVALID, "0x2");
    CHECK_FAILS(wayside_learn(runtime, 0, 0, tell, &told, NULL, NULL), WAYSIDE_STATUS_CANCELLED, "stopped");
    told.stop = 0;
    CHECK_OK(wayside_learn(runtime, 3600, WAYSIDE_LEARN_AGAIN, tell, &told, NULL, &json));
    CHECK(strstr(json, "\"verdict\":\"promoted\"") != NULL && told.furthest > 0);
    char *id = text_of(json, "adapter");
    wayside_free(json);
    CHECK_OK(wayside_adapters(runtime, &json));
    CHECK(strstr(json, id) != NULL && strstr(json, "\"state\":\"active\"") != NULL);
    wayside_free(json);
    if (briefly) {
        /* The gate takes as long as it did in the cycle. */
        told.stop = 1;
        CHECK_FAILS(wayside_adapter_promote(runtime, id, tell, &told, NULL, &json), WAYSIDE_STATUS_CANCELLED, "stopped");
    } else {
        CHECK_OK(wayside_adapter_promote(runtime, id, NULL, NULL, NULL, &json));
        CHECK(strstr(json, "\"state\":\"active\"") != NULL);
        wayside_free(json);
    }
    CHECK_FAILS(wayside_adapter_promote(runtime, "0123", NULL, NULL, NULL, &json), WAYSIDE_STATUS_NOT_FOUND, "0123");
    CHECK_OK(wayside_adapter_roll_back(runtime, "it talks too much", &json));
    CHECK(strstr(json, "rolled_back") != NULL && strstr(json, "it talks too much") != NULL);
    wayside_free(json);
    CHECK_FAILS(wayside_adapter_roll_back(runtime, NULL, &json), WAYSIDE_STATUS_NOT_FOUND, "no adapter serves");
    free(id);
}

int main(int count, char **words) {
    CHECK(count == 5 || count == 6);
    first_threads = threads();
    opening(words[1], words[4]);
    wayside_runtime *runtime = NULL;
    wayside_options options = options_for(words[1]);
    CHECK_OK(wayside_open(&options, &runtime));
    documents(runtime, words[3]);
    asking(runtime);
    conversing(runtime);
    caring(runtime);
    wayside_close(runtime);
    options = options_for(words[2]);
    CHECK_OK(wayside_open(&options, &runtime));
    learning(runtime, count == 6);
    wayside_close(runtime);
    CHECK(threads() == first_threads);
    CHECK(read_environment == 0);
    return 0;
}
