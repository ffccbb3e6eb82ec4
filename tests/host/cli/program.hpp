// The program under test, and folders of its own for each test.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/temporary_folder.hpp"

namespace gantry::host::tests {

struct Ended {
  int code = -1;  // 128 + signal when one ended it
  std::string out;
  std::string err;
};

// A folder with a configuration, removed at the end.
class Workspace {
 public:
  Workspace();  // the repository's configuration, on its recording and the built plugins
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }
  // Replaces the first `from` in config/<file>; the test fails when it is not there.
  void edit(std::string_view file, std::string_view from, std::string_view to) const;
  void append(std::string_view file, std::string_view text) const;

  // Runs gantry with --config of this folder, its runtime and cache folders in it too.
  Ended run(std::vector<std::string> arguments) const;
  // The same without waiting.
  class Running start(std::vector<std::string> arguments) const;
  // A line of the shell, in which "$0" "$@" is gantry with these arguments.
  Ended shell(const std::string& line, std::vector<std::string> arguments) const;
  class Running start_shell(const std::string& line, std::vector<std::string> arguments) const;

  std::map<std::string, std::string> variables;  // for the program, besides PATH
  std::filesystem::path program;                 // the built one
  bool names_config = true;                      // false: without --config

 private:
  class Running spawn(std::vector<std::string> words) const;

  gantry::test::TemporaryFolder folder_;
};

class Running {
 public:
  Running(pid_t pid, std::filesystem::path out, std::filesystem::path err);
  Running(Running&& other) noexcept;
  ~Running();  // killed when nobody waited for it
  Ended wait();
  void signal(int number) const;
  bool ended();
  // What its descriptor refers to, as the kernel says it.
  std::filesystem::path file_of(int descriptor) const;

 private:
  pid_t pid_;
  int status_ = 0;
  bool reaped_ = false;
  std::filesystem::path out_;
  std::filesystem::path err_;
};

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, std::string_view text);
bool has(std::string_view text, std::string_view part);

}  // namespace gantry::host::tests
