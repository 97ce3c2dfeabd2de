using System.Runtime.ExceptionServices;

namespace Criu.Soccr;

/// <summary>
/// Work on many connections by several threads of the caller's network namespace: threads that were made for it, as a namespace belongs to a thread, and one of a pool may be
/// anywhere.
/// </summary>
internal static class Work
{
    /// <summary>Connections that a thread takes at a time: the threads end together, whatever else the machine does, and seldom meet.</summary>
    private const int Share = 64;

    /// <summary>Does it for each, roughly in order. The first thing that goes wrong is thrown, when all threads have ended; what was not begun by then is not done.</summary>
    public static void Split(int count, int workers, Action<int> one) => Run(count, workers, one, goesOn: false);

    /// <summary>Does it for each, whatever goes wrong with others: to let go of what is held. The first thing that went wrong is thrown at the end.</summary>
    public static void SplitAll(int count, int workers, Action<int> one) => Run(count, workers, one, goesOn: true);

    private static void Run(int count, int workers, Action<int> one, bool goesOn)
    {
        workers = Math.Min(workers > 0 ? workers : Environment.ProcessorCount, (count + Share - 1) / Share);
        Exception? failure = null;
        int taken = 0;
        void Take()
        {
            for (int start; (goesOn || failure == null) && (start = Interlocked.Add(ref taken, Share) - Share) < count;)
                for (int i = start, end = Math.Min(count, start + Share); i < end; i++)
                    try
                    {
                        one(i);
                    }
                    catch (Exception e)
                    {
                        Interlocked.CompareExchange(ref failure, e, null);
                        if (!goesOn)
                            return;
                    }
        }
        var threads = new Thread[Math.Max(0, workers - 1)];
        for (int w = 0; w < threads.Length; w++)
        {
            threads[w] = new Thread(Take) { IsBackground = true };
            threads[w].Start();
        }
        Take();
        foreach (var thread in threads)
            thread.Join();
        if (failure != null)
            ExceptionDispatchInfo.Throw(failure);
    }
}
