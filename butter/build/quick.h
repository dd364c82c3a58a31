/* On CPython cffi releases the GIL around every call, which costs as much as a quick
   system call itself. Of a builder with this file no call releases it, but for what its
   C wraps in WITHOUT_GIL: the calls that wait. PyPy releases it around every call by
   itself. */
#ifdef PYPY_VERSION
# define WITHOUT_GIL(statement) statement
#else
# define WITHOUT_GIL(statement)                                                                                        \
     do {                                                                                                              \
         PyThreadState *butter_gil = PyEval_SaveThread();                                                              \
         statement;                                                                                                    \
         PyEval_RestoreThread(butter_gil);                                                                             \
     } while (0)
# undef Py_BEGIN_ALLOW_THREADS
# undef Py_END_ALLOW_THREADS
# define Py_BEGIN_ALLOW_THREADS {
# define Py_END_ALLOW_THREADS }
#endif
