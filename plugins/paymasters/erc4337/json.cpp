// Boost.JSON itself, once.
#include <boost/json/src.hpp>
