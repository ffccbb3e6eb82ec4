// A server on loopback as a child process: it says "Listening on 127.0.0.1:PORT" when it can be
// asked.
//
// OWNERSHIP  The process ends with the object, by its id, and dies with the thread that started it,
//            so that a crashed test leaves nothing behind.
// THREADS    One at a time.
// ERRORS     Throws std::runtime_error with what the server wrote.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gantry::test {

class ChildServer {
 public:
  // Runs `words`, of which the first is the program's path, and returns when it listens. `folder`
  // is its HOME and current folder, and keeps what it writes; of the environment it has PATH alone.
  ChildServer(std::string name, std::vector<std::string> words, std::filesystem::path folder);
  ~ChildServer() { end(); }
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  const std::string& url() const { return url_; }  // "http://127.0.0.1:PORT"
  pid_t pid() const { return pid_; }               // -1 once it has ended
  std::string output() const;
  // At once, as by a crash.
  void end();

 private:
  void start(std::vector<std::string>& words);
  void wait_until_it_listens();

  std::string name_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::string url_;
};

}  // namespace gantry::test
