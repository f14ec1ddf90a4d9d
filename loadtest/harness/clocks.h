// The clocks of the measurements. CPU time of the thread is what counts on a shared machine: it
// does not run while somebody else has the core.
#ifndef LOADTEST_HARNESS_CLOCKS_H_
#define LOADTEST_HARNESS_CLOCKS_H_

namespace cievents::loadtest {

double ThreadCpuSeconds();
double ProcessCpuSeconds();  // of all threads
double WallSeconds();

// Binds the calling thread to one core. False if the machine has no such core or does not allow it.
bool PinThread(int core);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_CLOCKS_H_
