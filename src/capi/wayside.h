/*
 * Wayside: questions answered on this machine, from its own documents, and learning from what people said to that.
 *
 * Generated from src/capi/ of the library; do not edit. How to link it: cross/README.md.
 *
 * - Functions that can fail return a wayside_status. wayside_message says more, on the thread that called.
 * - Texts that go in are UTF-8 with a terminating zero, and are needed until the call returns. A null pointer where
 *   something must be is WAYSIDE_STATUS_INVALID, not a crash.
 * - Results come as JSON, in UTF-8, through the last parameter, and are freed with wayside_free; a null pointer there
 *   means that the result is not wanted. After an error it is null. Later versions add fields, and take none away.
 * - Each function says on which threads it may be called. "Any thread" means: any, also several at the same time.
 * - The library stays loaded until the process ends: do not dlclose it. After fork, only the parent uses it.
 */


#ifndef WAYSIDE_H
#define WAYSIDE_H

#include <stddef.h>
#include <stdint.h>

// The version of this interface. It grows when something is added; what is there stays as it is, so that a program
// built for a lower version goes on working. Should that ever end, the library will have another name.
#define WAYSIDE_ABI_VERSION 2

// For `threads` in wayside_options: as many as config.toml says, which is one for each physical core unless it says
// otherwise.
#define WAYSIDE_THREADS_CONFIGURED UINT32_MAX

// For `flags` in wayside_options: parts that are missing, ONNX Runtime and the default models, are fetched when they
// are needed, with pip, which is another process with a configuration and an environment of its own. Without it,
// nothing uses a network but the sources that sources.toml declares.
#define WAYSIDE_OPEN_FETCH 1

// For `flags` in wayside_options: the environment variable ORT_DYLIB_PATH may name the ONNX Runtime library. Without
// it, this library reads no environment variable. Others that it rests on read some at times: the C library, ONNX
// Runtime, SQLite where a source of records is a database, the HTTP library where it is a web service (proxies, which
// are not used), and whatever tells the local time (TZ).
//
// One variable is written, once, when ONNX Runtime is loaded: ORT_DISABLE_TELEMETRY=1, without which its official
// builds report to their maker. Do not use getenv on another thread during the first call that needs a model.
#define WAYSIDE_OPEN_ENVIRONMENT 2

// For `flags` in wayside_options: where models do not run on the device that was asked for, that is an error. Without
// it, the CPU takes over, and the first callback that hears of progress is told; wayside_doctor always says so.
#define WAYSIDE_OPEN_NO_FALLBACK 4

// For `flags` in wayside_question: documents are not searched and records not looked up; the model answers from what
// it learnt.
#define WAYSIDE_QUESTION_NO_RETRIEVAL 1

// For `flags` in wayside_question: `temperature` counts, not the configured one.
#define WAYSIDE_QUESTION_TEMPERATURE 2

// For `flags` in wayside_question: the callback hears whole sentences without marks, each once it is sure, for a voice
// that reads them.
#define WAYSIDE_QUESTION_SENTENCES 4

// For `flags` of wayside_learn: learn even when nothing was added since the last cycle.
#define WAYSIDE_LEARN_AGAIN 1

// What a call came to. Numbers are never given twice; later versions may add some.
enum wayside_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It did what it should.
    WAYSIDE_STATUS_OK = 0,
    // An argument or a configured value makes no sense: a null pointer, bytes that are no UTF-8, an empty question.
    WAYSIDE_STATUS_INVALID = 1,
    // A file, model, document, interaction or part is not there.
    WAYSIDE_STATUS_NOT_FOUND = 2,
    // Bytes that are damaged, truncated or lie about themselves.
    WAYSIDE_STATUS_CORRUPT = 3,
    // Well-formed, but nothing here knows how to use it.
    WAYSIDE_STATUS_UNSUPPORTED = 4,
    // Written by a newer version, made for another model, or a program built for a newer interface.
    WAYSIDE_STATUS_INCOMPATIBLE = 5,
    // The operating system refused: permissions, broken disk.
    WAYSIDE_STATUS_IO = 6,
    // No space left on the device, or a size limit was reached.
    WAYSIDE_STATUS_FULL = 7,
    // Someone else is using it: another process, or another thread.
    WAYSIDE_STATUS_BUSY = 8,
    // The caller asked to stop.
    WAYSIDE_STATUS_CANCELLED = 9,
    // ONNX Runtime could not be loaded, or refused a graph.
    WAYSIDE_STATUS_ENGINE = 10,
    // A part could not be fetched.
    WAYSIDE_STATUS_FETCH = 11,
    // A defect of the library. The process is whole; close the handles of the call, and report the message.
    WAYSIDE_STATUS_INTERNAL = 100,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wayside_status wayside_status;
#else
typedef int32_t wayside_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// An open home: models, index and log, each loaded when it is first needed. Calls on it may come from any number of
// threads at the same time; where they need the same thing, they wait for each other.
typedef struct wayside_runtime wayside_runtime;

// A conversation: a question may rest on those before it. One thread at a time may use it; a second one finds it
// busy.
typedef struct wayside_chat wayside_chat;

// A wish to stop, for one call or for several. It cannot be taken back: make another for the next.
typedef struct wayside_cancel_token wayside_cancel_token;

// How to open a home. Fill it with zeros first, then set `size`, `abi_version`, `home`, and what else is wanted: zero
// means nothing special everywhere. Texts are UTF-8 and are not needed any more once wayside_open has returned.
typedef struct wayside_options {
    // sizeof(wayside_options), by which later versions tell what a program knows of.
    uint32_t size;
    // WAYSIDE_ABI_VERSION.
    uint32_t abi_version;
    // The home folder, which need not exist yet: configuration, models, index and log.
    const char* home;
    // The folder of parts, which several homes may share; `parts` in the home if null. What is not there is looked for
    // in ../lib/wayside/parts, seen from the folder of this library, or of the program that it is linked into.
    const char* parts;
    // The ONNX Runtime library; if null, what config.toml says, or the part. A process has one: the first that is
    // loaded serves every handle.
    const char* library;
    // 0: no thread but the one that calls, except that each query to a live source of records has one, which ends
    // with the call; one that looks up a web service by name may end later, when the system gives up looking. Any
    // other number up to 1024: so many run models, the calling one among them, and two may load side by side. Or
    // WAYSIDE_THREADS_CONFIGURED.
    uint32_t threads;
    // WAYSIDE_OPEN_FETCH, WAYSIDE_OPEN_ENVIRONMENT and WAYSIDE_OPEN_NO_FALLBACK, or what is wanted of them.
    uint32_t flags;
    // What runs models: "cpu"; "cuda" or "tensorrt", an NVIDIA GPU, whose driver has threads of its own; or "auto",
    // CUDA where it works. If null, what config.toml says, which is the CPU unless it says otherwise. Since version 2.
    const char* device;
} wayside_options;

// Hears how far long work has come: `done` of `total` units of `stage` (`total` is 0 where nobody knows), or, where
// `note` is not null, something that a person should know. Texts belong to the library. Return 0 to go on and
// anything else to stop.
//
// One call at a time, on the thread of the call, or on one that works for it if the library may use threads. It must
// call nothing of this library but wayside_cancel, for that may wait for what this call holds; nor throw, nor leave by
// longjmp. Stopping by what it returns stops this call alone, whatever wish it has.
typedef int32_t (*wayside_progress_fn)(void *user,
                                       const char *stage,
                                       const char *note,
                                       uint64_t done,
                                       uint64_t total);

// A question. Fill it with zeros first, then set `size`, `text`, and what else is wanted. Texts are UTF-8 and are not
// needed any more once the call has returned.
typedef struct wayside_question {
    // sizeof(wayside_question), by which later versions tell what a program knows of.
    uint32_t size;
    // Any of WAYSIDE_QUESTION_NO_RETRIEVAL, WAYSIDE_QUESTION_TEMPERATURE and WAYSIDE_QUESTION_SENTENCES.
    uint32_t flags;
    // The question.
    const char* text;
    // The collection to search; all if null.
    const char* collection;
    // The person served: their records are looked up, and the interaction is kept under them. Nobody if null.
    const char* subject;
    // The model; the configured one if null. A conversation keeps its own.
    const char* model;
    // The adapter it wears: an id or enough of its beginning, the path of a folder with one, or "none"; the promoted
    // one if null. A conversation keeps its own.
    const char* adapter;
    // Equal seeds give equal answers.
    uint64_t seed;
    // The longest answer, in tokens; as configured if 0.
    uint32_t max_tokens;
    // 0 always takes the likeliest token; higher is more varied. See WAYSIDE_QUESTION_TEMPERATURE.
    float temperature;
} wayside_question;

// Hears an answer as it comes: `text` is UTF-8, `length` bytes and a terminating zero, and belongs to the library.
// It is never cut within a character. Return 0 to go on and anything else to stop; what was said so far is kept.
//
// It is called on the thread of the call, before that returns. It may call this library, but must not close a handle
// of the call, throw, or leave by longjmp. Stopping by what it returns stops this call alone, whatever wish it has.
typedef int32_t (*wayside_say_fn)(void *user, const char *text, size_t length);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The WAYSIDE_ABI_VERSION of the library that is linked. A program may use it if this is at least the one that the
// program was built with; wayside_open checks that too.
//
// Any thread, at any time.
uint32_t wayside_abi_version(void);

// The release of the library that is linked, such as "0.1.0". It stays valid for ever.
//
// Any thread, at any time.
const char *wayside_version(void);

// What went wrong in the latest call of this thread that did not return WAYSIDE_STATUS_OK: one sentence that names
// the thing and the remedy, in UTF-8. Empty before the first. It stays valid until the next call on this thread that
// returns a status; it is not to be freed.
//
// Any thread, at any time; each has its own.
const char *wayside_message(void);

// Frees a result. Null does nothing.
//
// Any thread, at any time; each result once.
void wayside_free(char *text);

// A wish that nobody has made yet, to be given to calls that may take long. Close it with wayside_cancel_token_close.
//
// Any thread, at any time.
struct wayside_cancel_token *wayside_cancel_token_new(void);

// Asks every call that was given this wish to stop soon: between two tokens, batches or steps. Such a call keeps what
// is done, and returns WAYSIDE_STATUS_CANCELLED, or an answer whose `finish` is "cancelled". Null does nothing.
//
// Any thread, at any time, and safe in a signal handler.
void wayside_cancel(const struct wayside_cancel_token *cancel);

// Lets go of a wish. Null does nothing.
//
// Any thread; not before every call that was given the wish has returned.
void wayside_cancel_token_close(struct wayside_cancel_token *cancel);

// Opens a home. It reads config.toml and nothing else, and is quick.
//
// WAYSIDE_STATUS_INCOMPATIBLE for a program that was built for a newer interface; WAYSIDE_STATUS_INVALID for options
// or a config.toml that make no sense.
//
// Any thread. A process opens a home once: what two handles to one home open both, the second finds busy.
wayside_status wayside_open(const struct wayside_options *options,
                            struct wayside_runtime **runtime);

// Lets go of a home. Conversations that are still open go on until they are closed. Null does nothing.
//
// Any thread; not while another thread is in a call with the handle, and each handle once.
void wayside_close(struct wayside_runtime *runtime);

// Brings a collection (null: the configured one) up to date with `count` files and folders. Only what changed is
// read closely; documents whose file is gone are removed. `progress` and `cancel` may be null.
//
// JSON: {"documents": new or changed, "chunks": of those, "unchanged", "removed", "skipped": [{"document", "kind",
// "reason"}], "skipped_kinds": {kind: how many}, "stale": what is kept as it was, like "skipped"}
//
// Any thread.
wayside_status wayside_ingest(const struct wayside_runtime *runtime,
                              const char* const* paths,
                              size_t count,
                              const char* collection,
                              wayside_progress_fn progress,
                              void *user,
                              const struct wayside_cancel_token *cancel,
                              char** json);

// The best `k` passages for `query`, of one collection or, if that is null, of all.
//
// JSON: [{"document", "section", "text", "score", ...}], the best first
//
// Any thread.
wayside_status wayside_search(const struct wayside_runtime *runtime,
                              const char* query,
                              uint32_t k,
                              const char* collection,
                              char** json);

// Answers a question from the documents, with citations. `say`, unless null, hears the answer as it is shown: words of
// a model that speaks freely as they come, others when their sentence is sure; see WAYSIDE_QUESTION_SENTENCES. The
// interaction is in the log when this returns, one that was stopped as far as it came.
//
// JSON: {"interaction": the id under which it is in the log, "found": whether something answers, "answer": the text
// without marks, "sentences": [{"text", "kind": "quote", "written" or "free", "sources": numbers of citations}],
// "citations": [{"n", "document" or "record", "section", "quote", "score", ...}], "finish": "stop", "length",
// "context" or "cancelled", "first_token_s", "tokens_per_s", ...}
//
// Any thread. Answers by one model take turns, token by token.
wayside_status wayside_ask(const struct wayside_runtime *runtime,
                           const struct wayside_question *question,
                           wayside_say_fn say,
                           void *user,
                           const struct wayside_cancel_token *cancel,
                           char** json);

// Says what a person thought of an answer: `rating` is above 0 for good and below 0 for bad. Learning goes by it. An
// adapter on probation may be rolled back for it. As much of the interaction's id will do as no other begins with.
//
// JSON: null, or what was rolled back: {"id", "state", "serving", "reasons", ...}
//
// Any thread.
wayside_status wayside_rate(const struct wayside_runtime *runtime,
                            const char* interaction,
                            int32_t rating,
                            char** json);

// Keeps what an answer should have been; otherwise as wayside_rate.
//
// Any thread.
wayside_status wayside_correct(const struct wayside_runtime *runtime,
                               const char* interaction,
                               const char* text,
                               char** json);

// Begins a conversation with a model and an adapter, as in wayside_question, and loads them: asking is quick then.
// It may outlive the handle it was opened with.
//
// Any thread.
wayside_status wayside_chat_open(const struct wayside_runtime *runtime,
                                 const char* model,
                                 const char* adapter,
                                 struct wayside_chat **chat);

// Asks the next question; otherwise as wayside_ask. One that concerns another subject than the one before begins
// anew.
//
// Any thread, one at a time: WAYSIDE_STATUS_BUSY for a second one.
wayside_status wayside_chat_ask(const struct wayside_chat *chat,
                                const struct wayside_question *question,
                                wayside_say_fn say,
                                void *user,
                                const struct wayside_cancel_token *cancel,
                                char** json);

// Ends a conversation: what was said and computed is wiped from memory. The next question begins a new one.
//
// Any thread, one at a time: WAYSIDE_STATUS_BUSY for a second one.
wayside_status wayside_chat_end(const struct wayside_chat *chat);

// Lets go of a conversation. Null does nothing.
//
// Any thread; not while another thread is in a call with it, and each once.
void wayside_chat_close(struct wayside_chat *chat);

// Learns from the log: curates, trains, puts the candidate through the gate, and lets it serve if it passes. After
// `seconds` (0: no limit) it stops, and the next call goes on with the training. What comes before and behind that, a
// look at the whole log and the gate, begins anew in each call: give it more minutes than they take, and stop it by
// `cancel` when the time is needed. Answers go first: while one is given, learning waits. `progress` and `cancel` may
// be null.
//
// JSON: {"verdict": "promoted", "refused", "too_few", "quarantined", "nothing_new" or "unfinished", "reasons": [...],
// "adapter", "examples", "held_out", "checks": [{"check", "passed", "detail"}], ...}
//
// Any thread. One cycle at a time in a home, of all processes: WAYSIDE_STATUS_BUSY for a second one.
wayside_status wayside_learn(const struct wayside_runtime *runtime,
                             uint32_t seconds,
                             uint32_t flags,
                             wayside_progress_fn progress,
                             void *user,
                             const struct wayside_cancel_token *cancel,
                             char** json);

// The adapters there are and those that were judged, the latest first.
//
// JSON: [{"id", "state": "active", "retired", "rolled_back", "refused", "dropped", "ready" or "damaged", "base",
// "rank", "trained_on": [...], "verdict": "passed", "refused" or null, ...}]
//
// Any thread.
wayside_status wayside_adapters(const struct wayside_runtime *runtime,
                                char** json);

// Puts an adapter through the gate, by what the log holds now, and lets it serve if it passes. One that does not pass
// is no error: look at `state`. `progress` and `cancel` may be null.
//
// JSON: as one of wayside_adapters, with "state": "active" or "refused", and {"serving": the adapter that serves now
// or null, "reasons": [...], "checks": [{"check", "passed", "detail"}]}
//
// Any thread. WAYSIDE_STATUS_BUSY while a cycle of learning is under way.
wayside_status wayside_adapter_promote(const struct wayside_runtime *runtime,
                                       const char* id,
                                       wayside_progress_fn progress,
                                       void *user,
                                       const struct wayside_cancel_token *cancel,
                                       char** json);

// Goes back to the adapter that served before, or to the model as it came: at once. `reason` is kept with it; null
// says nothing special. WAYSIDE_STATUS_NOT_FOUND when no adapter serves.
//
// JSON: as of wayside_adapter_promote, with "state": "rolled_back" and no checks
//
// Any thread.
wayside_status wayside_adapter_roll_back(const struct wayside_runtime *runtime,
                                         const char* reason,
                                         char** json);

// Erases a person: interactions, records, and every adapter and model that learned from them. One that was
// interrupted is finished by calling this again. WAYSIDE_STATUS_NOT_FOUND when nothing concerns the person. An answer
// to them that is under way ends with WAYSIDE_STATUS_CANCELLED and is not kept; a conversation with them begins anew.
//
// JSON: {"path": the receipt's file, "receipt": {...}}
//
// Any thread. A cycle of learning that is under way is stopped.
wayside_status wayside_erase(const struct wayside_runtime *runtime,
                             const char* subject,
                             char** json);

// Holds the receipt of an erasure, a file, against this home.
//
// JSON: [{"check", "ok", "detail"}], one for each claim
//
// Any thread.
wayside_status wayside_verify_erasure(const struct wayside_runtime *runtime,
                                      const char* receipt,
                                      char** json);

// Looks at everything that is needed: parts, ONNX Runtime, models byte for byte, adapters, index, log. What is wrong
// is in the result, and no error.
//
// JSON: [{"check", "ok", "detail", "blocks": whether no question can be answered until it is mended}]
//
// Any thread.
wayside_status wayside_doctor(const struct wayside_runtime *runtime,
                              char** json);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WAYSIDE_H */
