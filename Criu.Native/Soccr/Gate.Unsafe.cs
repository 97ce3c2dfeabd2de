using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Criu.Native;

/// <summary>
/// One thread at a time is in the library, and a fork waits until none is. A child has one thread: if another one had been collecting or allocating at that moment, the
/// heap would be locked in the child for good.
/// </summary>
internal readonly unsafe ref partial struct Gate
{
    private const int MutexBytes = 64, AttributeBytes = 8;   // more than any of pthread_mutex_t and pthread_mutexattr_t, bits/pthreadtypes-arch.h
    private const int Recursive = 1;                         // PTHREAD_MUTEX_RECURSIVE: a function for messages may call back

    private static void* mutex;

    /// <summary>Before the first export runs, in whatever thread calls it.</summary>
    [ModuleInitializer]
    internal static void Make()
    {
        mutex = NativeMemory.AllocZeroed(MutexBytes);
        Renew();
        pthread_atfork(&BeforeFork, &AfterForkInParent, &AfterForkInChild);
    }

    public static Gate Enter()
    {
        pthread_mutex_lock(mutex);
        return default;
    }

    public void Dispose() => pthread_mutex_unlock(mutex);

    private static void Renew()
    {
        byte* attributes = stackalloc byte[AttributeBytes];
        pthread_mutexattr_init(attributes);
        pthread_mutexattr_settype(attributes, Recursive);
        pthread_mutex_init(mutex, attributes);
    }

    [UnmanagedCallersOnly]
    private static void BeforeFork() => pthread_mutex_lock(mutex);

    [UnmanagedCallersOnly]
    private static void AfterForkInParent() => pthread_mutex_unlock(mutex);

    /// <summary>Its owner was a thread of the parent's.</summary>
    [UnmanagedCallersOnly]
    private static void AfterForkInChild() => Renew();

    [LibraryImport("libc")]
    private static partial int pthread_atfork(delegate* unmanaged<void> before, delegate* unmanaged<void> inParent, delegate* unmanaged<void> inChild);

    [LibraryImport("libc")]
    private static partial int pthread_mutexattr_init(void* attributes);

    [LibraryImport("libc")]
    private static partial int pthread_mutexattr_settype(void* attributes, int kind);

    [LibraryImport("libc")]
    private static partial int pthread_mutex_init(void* mutex, void* attributes);

    [LibraryImport("libc")]
    private static partial int pthread_mutex_lock(void* mutex);

    [LibraryImport("libc")]
    private static partial int pthread_mutex_unlock(void* mutex);
}
