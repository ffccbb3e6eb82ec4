#include "host/cli/new_project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t name_letters_max = 48;

// Words that one of the languages keeps for itself, and names that CMake, Cargo or the SDK take.
constexpr std::string_view taken_words[] = {
    "abstract",      "alignas",    "alignof",   "all",       "alloc",      "and",       "as",
    "asm",           "async",      "auto",      "await",     "become",     "bool",      "box",
    "break",         "build",      "case",      "catch",     "char",       "class",     "clean",
    "concept",       "const",      "consteval", "constexpr", "constinit",  "continue",  "core",
    "crate",         "decltype",   "default",   "delete",    "deps",       "do",        "double",
    "dyn",           "else",       "enum",      "examples",  "explicit",   "export",    "extern",
    "false",         "final",      "float",     "fn",        "for",        "friend",    "gantry",
    "gantry_plugin", "gantry_sdk", "goto",      "help",      "if",         "impl",      "in",
    "incremental",   "inline",     "install",   "int",       "let",        "long",      "loop",
    "macro",         "main",       "match",     "mod",       "move",       "mut",       "mutable",
    "namespace",     "new",        "noexcept",  "not",       "nullptr",    "operator",  "or",
    "override",      "package",    "priv",      "private",   "proc_macro", "protected", "pub",
    "public",        "ref",        "register",  "requires",  "restrict",   "return",    "sdk",
    "self",          "short",      "signed",    "sizeof",    "static",     "std",       "struct",
    "super",         "switch",     "template",  "test",      "this",       "throw",     "trait",
    "true",          "try",        "type",      "typedef",   "typeid",     "typename",  "typeof",
    "union",         "unsafe",     "unsigned",  "unsized",   "use",        "using",     "virtual",
    "void",          "volatile",   "where",     "while",     "xor",        "yield"};

std::string camel_case(std::string_view name) {
  std::string out;
  bool first = true;
  for (const char c : name) {
    if (c != '_') out += first && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    first = c == '_';
  }
  return out;
}

bool is_id_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

Status check_name(std::string_view name) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::usage,
                fmt::format("name `{}`: {}. A name is snake_case, as in my_venue: letters a to z, "
                            "digits and single underscores, at most {} of them, a letter first",
                            name, why, name_letters_max));
  };
  if (name.empty()) return wrong("it is empty");
  if (name.size() > name_letters_max) return wrong("it is too long");
  if (name[0] < 'a' || name[0] > 'z') return wrong("it does not begin with a letter a to z");
  for (const char c : name) {
    if (!is_id_letter(c) || c == '-') return wrong("it has something else in it");
  }
  if (name.ends_with('_') || name.find("__") != std::string_view::npos) {
    return wrong("an underscore stands last, or beside another");
  }
  if (std::ranges::find(taken_words, name) != std::end(taken_words)) {
    return fail(ErrorKind::usage,
                fmt::format("name `{0}`: a language or a build tool takes this word for itself. "
                            "Choose another, as my_{0}",
                            name));
  }
  return {};
}

Status check_id(std::string_view id) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::usage,
                fmt::format("id `{}`: {}. An id is a reverse domain name that is yours, as "
                            "org.example.my_venue: two or more parts joined by dots, of letters a "
                            "to z, digits, - and _, at most 64 each",
                            id, why));
  };
  std::size_t parts = 0;
  for (std::size_t begin = 0; begin <= id.size(); ++parts) {
    const std::size_t end = std::min(id.find('.', begin), id.size());
    const std::string_view part = id.substr(begin, end - begin);
    if (part.empty()) return wrong("a part is empty");
    if (part.size() > 64) return wrong("a part is too long");
    if (!std::ranges::all_of(part, is_id_letter)) return wrong("it has something else in it");
    begin = end + 1;
  }
  return parts >= 2 ? Status() : wrong("it has one part only");
}

std::string folder_of(Language language) {
  return language == Language::cpp ? "cpp" : std::string(to_string(language));
}

Result<std::string> read_file(const fs::path& path) {
  std::ostringstream text;
  std::ifstream in(path, std::ios::binary);
  if (!in || !(text << in.rdbuf())) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be read; install the SDK again", path.string()));
  }
  return text.str();
}

Status write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be written: {}. Choose another place by "
                                           "--into",
                                           path.string(), std::strerror(errno)));
  }
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

bool is_word_letter(char c) { return is_id_letter(c) ? c != '-' : c >= 'A' && c <= 'Z'; }

bool has_word(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word_letter(text[at - 1]);
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || !is_word_letter(text[end]))) return true;
  }
  return false;
}

// The template's files with the plugin's names in them.
class Filler {
 public:
  Filler(const NewProject& project, std::string id)
      : project_(project),
        id_(std::move(id)),
        word_(fmt::format("my_{}", to_string(project.kind))) {}

  Status copy(const fs::path& from, const fs::path& to) const {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(from, error)) {
      std::string relative = fs::relative(entry.path(), from).string();
      replace_all(relative, word_, project_.name);
      if (entry.is_directory()) {
        fs::create_directories(to / relative, error);
        continue;
      }
      auto text = read_file(entry.path());
      if (!text) return std::unexpected(text.error());
      // A type of that name would hide one that the code uses; in C there is none.
      const bool code = entry.path().extension() == ".rs" || entry.path().extension() == ".cpp";
      if (code && camel() != camel_case(word_) && has_word(*text, camel())) {
        return fail(ErrorKind::usage,
                    fmt::format("name `{0}`: the plugin's type would be {1}, and the code that it "
                                "begins with uses {1} for another. Choose another name, as my_{0}",
                                project_.name, camel()));
      }
      if (auto written = write_file(to / relative, fill(std::move(*text))); !written) {
        return written;
      }
    }
    if (error) return fail(ErrorKind::io, fmt::format("{}: {}", from.string(), error.message()));
    return {};
  }

 private:
  std::string camel() const { return camel_case(project_.name); }

  std::string fill(std::string text) const {
    // By marks, as the new names may hold the old ones.
    replace_all(text, "org.example." + word_, "\x01");
    replace_all(text, camel_case(word_), "\x02");
    replace_all(text, word_, "\x03");
    replace_all(text, "\x01", id_);
    replace_all(text, "\x02", camel());
    replace_all(text, "\x03", project_.name);
    return text;
  }

  const NewProject& project_;
  std::string id_;
  std::string word_;  // what the template is called
};

Status copy_sdk(const fs::path& sdk, const fs::path& to, Language language) {
  const std::array<const char*, 2> compiled{"include", "cmake"};
  std::error_code error;
  fs::create_directories(to, error);
  const auto copy = [&](const char* part) {
    if (!error) fs::copy(sdk / part, to / part, fs::copy_options::recursive, error);
  };
  if (language == Language::rust) {
    fs::create_directories(to / "rust", error);
    for (const char* part : {"rust/Cargo.toml", "rust/src"}) copy(part);
  } else {
    std::ranges::for_each(compiled, copy);
  }
  if (!error) return {};
  return fail(ErrorKind::io, fmt::format("{}: the SDK of {} cannot be copied: {}", to.string(),
                                         sdk.string(), error.message()));
}

Status fill_folder(const NewProject& project, const std::string& id, const fs::path& sdk,
                   const fs::path& to) {
  const fs::path from =
      sdk / "template" / folder_of(project.language) / std::string(to_string(project.kind));
  if (!fs::is_directory(from)) {
    return fail(ErrorKind::not_found,
                fmt::format("{}: there is no such template; install the SDK again", from.string()));
  }
  if (auto filled = Filler(project, id).copy(from, to); !filled) return filled;
  if (auto copied = copy_sdk(sdk, to / "sdk", project.language); !copied) return copied;
  return write_file(to / ".gitignore", "/build/\n/target/\n");
}

}  // namespace

std::string_view to_string(Language language) {
  switch (language) {
    case Language::cpp:
      return "c++";
    case Language::c:
      return "c";
    case Language::rust:
      return "rust";
  }
  return "?";
}

Result<fs::path> find_sdk(const fs::path& program) {
  const fs::path prefix = program.parent_path().parent_path();
  std::vector<fs::path> places{prefix / "share/gantry/sdk"};
  if (prefix.filename() == "build") places.insert(places.begin(), prefix.parent_path() / "sdk");
  for (const fs::path& place : places) {
    std::error_code error;
    if (fs::is_directory(place / "template", error)) return place;
  }
  return fail(ErrorKind::not_found,
              fmt::format("{}: the templates are not there; install this host "
                          "again, its component `host`",
                          places.back().string()));
}

Result<fs::path> make_project(const NewProject& project, const fs::path& sdk) {
  const std::string id = project.id.empty() ? "org.example." + project.name : project.id;
  if (auto checked = check_name(project.name); !checked) return std::unexpected(checked.error());
  if (auto checked = check_id(id); !checked) return std::unexpected(checked.error());
  fs::path folder = project.folder.empty() ? fs::path(project.name) : project.folder;
  folder = fs::absolute(folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const auto failed = [&](const std::string& why) {
    return fail(ErrorKind::io, fmt::format("{}: {}", folder.string(), why));
  };
  std::error_code error;
  if (fs::symlink_status(folder, error).type() != fs::file_type::not_found) {
    return failed("is there already, and nothing is written over. Choose another place by --into");
  }
  fs::create_directories(folder.parent_path(), error);
  // Beside its place, and renamed when it is whole.
  std::string made =
      (folder.parent_path() / ("." + folder.filename().string() + ".XXXXXX")).string();
  if (error || ::mkdtemp(made.data()) == nullptr) {
    return failed(fmt::format("cannot be made: {}. Choose another place by --into",
                              error ? error.message() : std::strerror(errno)));
  }
  fs::permissions(made,
                  fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                      fs::perms::others_exec,
                  fs::perm_options::add, error);
  auto filled = fill_folder(project, id, sdk, made);
  if (filled) {
    fs::rename(made, folder, error);  // to a folder that came meanwhile: only where that is empty
    if (error) filled = failed(fmt::format("cannot be made: {}", error.message()));
  }
  if (filled) return folder;
  std::error_code ignored;
  fs::remove_all(made, ignored);
  return std::unexpected(filled.error());
}

}  // namespace gantry::host::cli
