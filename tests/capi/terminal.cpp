// A terminal in C++: handles that close themselves, answers on several threads, and a key that stops one.
//
// terminal HOME DOCUMENTS
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

template <typename T, void (*close)(T *)>
struct Closer {
    void operator()(T *handle) const { close(handle); }
};
using Runtime = std::unique_ptr<wayside_runtime, Closer<wayside_runtime, wayside_close>>;
using Chat = std::unique_ptr<wayside_chat, Closer<wayside_chat, wayside_chat_close>>;
using Token = std::unique_ptr<wayside_cancel_token, Closer<wayside_cancel_token, wayside_cancel_token_close>>;
using Json = std::unique_ptr<char, Closer<char, wayside_free>>;

static wayside_question question_of(const std::string &text) {
    wayside_question question{};
    question.size = sizeof question;
    question.text = text.c_str();
    question.max_tokens = 12;
    return question;
}

// What a conversation's callback needs to use the conversation that is calling it.
struct Conversation {
    wayside_chat *chat;
    std::string said;
    wayside_status inner;
};

static int32_t hear(void *user, const char *text, size_t length) {
    auto &conversation = *static_cast<Conversation *>(user);
    conversation.said.append(text, length);
    conversation.inner = wayside_chat_end(conversation.chat);
    return 0;
}

static Json ask(const Runtime &runtime, const std::string &text) {
    const wayside_question question = question_of(text);
    char *json = nullptr;
    CHECK_OK(wayside_ask(runtime.get(), &question, nullptr, nullptr, nullptr, &json));
    return Json(json);
}

static std::string value(const Json &json, const char *key) {
    char *text = text_of(json.get(), key);
    std::string value(text);
    free(text);
    return value;
}

int main(int count, char **words) {
    CHECK(count == 3);
    wayside_options options{};
    options.size = sizeof options;
    options.abi_version = WAYSIDE_ABI_VERSION;
    options.home = words[1];
    options.threads = 2;
    wayside_runtime *opened = nullptr;
    CHECK_OK(wayside_open(&options, &opened));
    Runtime runtime(opened);
    const std::vector<const char *> paths{words[2]};
    CHECK_OK(wayside_ingest(runtime.get(), paths.data(), paths.size(), nullptr, nullptr, nullptr, nullptr, nullptr));

    // The same question gives the same answer on every thread, and each thread has its own sentence.
    const std::string text = "How long do I have to return an unused stove?";
    const std::string alone = value(ask(runtime, text), "answer");
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; n++) {
        threads.emplace_back([&, n] {
            const std::string name = "model-" + std::to_string(n);
            wayside_chat *chat = nullptr;
            CHECK_FAILS(wayside_chat_open(runtime.get(), name.c_str(), nullptr, &chat), WAYSIDE_STATUS_NOT_FOUND,
                        name.c_str());
            CHECK(alone == value(ask(runtime, text), "answer"));
            CHECK(std::string(wayside_message()).find(name) != std::string::npos);
        });
    }
    for (auto &thread : threads) thread.join();

    // A key is pressed on another thread.
    Token token(wayside_cancel_token_new());
    std::thread key([&] { wayside_cancel(token.get()); });
    key.join();
    const wayside_question question = question_of(text);
    CHECK_FAILS(wayside_ask(runtime.get(), &question, nullptr, nullptr, token.get(), nullptr),
                WAYSIDE_STATUS_CANCELLED, "stopped");

    // A conversation outlives the handle it was opened with, and is busy while it answers.
    wayside_chat *begun = nullptr;
    CHECK_OK(wayside_chat_open(runtime.get(), nullptr, nullptr, &begun));
    Chat chat(begun);
    runtime.reset();
    Conversation conversation{chat.get(), "", WAYSIDE_STATUS_OK};
    CHECK_OK(wayside_chat_ask(chat.get(), &question, hear, &conversation, nullptr, nullptr));
    // What is shown has marks, the answer has none.
    CHECK(conversation.said.compare(0, 16, alone, 0, 16) == 0 && conversation.inner == WAYSIDE_STATUS_BUSY);
    return 0;
}
