"""RE2, as far as clawgate uses it, for the releases before abseil (Debian 12, Ubuntu 24.04) and after.

Those differ in the text type (re2::StringPiece, absl::string_view); the shim below asks the compiler which one it is.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string

cdef extern from *:
    """
    #include <atomic>
    #include <cstddef>
    #include <cstdint>
    #include <memory>
    #include <mutex>
    #include <new>
    #include <string>
    #include <utility>
    #include <re2/re2.h>

    namespace gw {

    template <class Text, class Piece>
    Piece piece_of(bool (re2::RE2::*)(Text, size_t, size_t, re2::RE2::Anchor, Piece *, int) const);
    using Piece = decltype(piece_of(&re2::RE2::Match));

    inline re2::RE2 *compile(const std::string &pattern, bool case_sensitive, int64_t max_mem) {
        re2::RE2::Options options;
        options.set_log_errors(false);
        options.set_never_capture(true);
        options.set_case_sensitive(case_sensitive);
        options.set_max_mem(max_mem);
        return new re2::RE2(pattern, options);
    }

    /* Known to compile; compiled when it is first searched for, by whichever thread comes first. */
    class Late {
    public:
        Late(std::string pattern, bool case_sensitive, int64_t max_mem)
            : pattern_(std::move(pattern)), case_sensitive_(case_sensitive), max_mem_(max_mem) {}
        /* Throws std::bad_alloc where it does not compile after all: no engine is no answer, never "no match". */
        const re2::RE2 &get() {
            make();
            if (!engine_->ok()) throw std::bad_alloc();
            return *engine_;
        }
        /* Compile now; what is wrong with the pattern, empty when nothing is. */
        std::string check() {
            make();
            return engine_->error();
        }

    private:
        /* A large pattern takes up to 20 ms, so whoever has the interpreter's lock lets go of it; and never inside the
           call, where a thread that has the lock may wait for the one that compiles. */
        void make() {
            if (is_made_.load(std::memory_order_acquire)) return;
            PyThreadState *held = PyGILState_Check() ? PyEval_SaveThread() : nullptr;
            try {
                std::call_once(once_, [this] { engine_.reset(compile(pattern_, case_sensitive_, max_mem_)); });
                is_made_.store(true, std::memory_order_release);
            } catch (...) {
                if (held) PyEval_RestoreThread(held);
                throw;
            }
            if (held) PyEval_RestoreThread(held);
        }

        std::atomic<bool> is_made_{false};
        const std::string pattern_;
        const bool case_sensitive_;
        const int64_t max_mem_;
        std::once_flag once_;
        std::unique_ptr<const re2::RE2> engine_;
    };

    /* Leftmost match in [from, to), anchored at `from` or anywhere; all `size` bytes are its context. */
    inline bool match(const re2::RE2 &re, const char *data, size_t size, size_t from, size_t to, bool anchored,
                      size_t *start, size_t *end) {
        Piece found;
        const auto anchor = anchored ? re2::RE2::ANCHOR_START : re2::RE2::UNANCHORED;
        if (!re.Match(Piece(data, size), from, to, anchor, &found, 1)) return false;
        *start = static_cast<size_t>(found.data() - data);
        *end = *start + found.size();
        return true;
    }

    }  // namespace gw
    """
    cppclass RE2 "re2::RE2":
        pass

    cppclass Late "gw::Late":
        Late(const string &pattern, cbool case_sensitive, int64_t max_mem) except +
        const RE2 &get() except + nogil
        string check() except + nogil

    cbool re2_match "gw::match"(
        const RE2 &re, const char *data, size_t size, size_t low, size_t high, cbool anchored,
        size_t *start, size_t *end
    ) except + nogil
