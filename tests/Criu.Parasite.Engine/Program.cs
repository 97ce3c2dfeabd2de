using System.Globalization;
using Criu.Parasite;

// An engine to be killed: what tests run as another process, and end at any moment.
//
//   loop PID one|all            seizes, runs a batch, lets go, for ever; prints the guard's pid first
//   once PID...                 the same once, with all of them held at the same time
//   exit-after batch N PID...   the same, but ends without a word at the N-th boundary of a batch; prints "finished" where there are fewer
//   exit-after call N PID...    the same, at the end of the N-th system call of the engine's own
//   hold PID...                 seizes, injects, prints the guard's pid and waits until its directory has a file called "go"; then lets go
//
// What goes wrong is printed, and the exit code is 1.
try
{
    return Engine.Run(args);
}
catch (ParasiteException e)
{
    Console.WriteLine(e.Message);
    return 1;
}

internal static class Engine
{
    public static int Run(string[] args) => args switch
    {
        ["loop", var pid, var hosts] => Loop(Number(pid), hosts == "all"),
        ["once", .. var pids] => Once(Numbers(pids), () => { }),
        ["exit-after", "batch", var count, .. var pids] => Once(Numbers(pids), ExitAt(Number(count))),
        ["exit-after", "call", var count, .. var pids] => OnceByCalls(Numbers(pids), ExitAt(Number(count))),
        ["hold", .. var pids] => Hold(Numbers(pids)),
        _ => 2,
    };

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static int[] Numbers(string[] texts) => Array.ConvertAll(texts, Number);

    private static int Loop(int pid, bool allThreads)
    {
        using var guard = Guard.Start();
        Console.WriteLine(guard.Pid);
        while (true)
        {
            using var tracee = guard.Seize(pid);
            tracee.Inject(allThreads);
            foreach (var puppet in tracee.Puppets)
                CheckPid(puppet);
        }
    }

    private static int Once(int[] pids, Action boundary)
    {
        using var guard = Guard.Start();
        guard.BatchBoundary = boundary;
        var held = new List<Tracee>();
        foreach (int pid in pids)
        {
            var tracee = guard.Seize(pid);
            held.Add(tracee);
            tracee.Inject(allThreads: true);
            foreach (var puppet in tracee.Puppets)
            {
                puppet.Channel.Boundary = boundary;
                CheckPid(puppet);
            }
        }
        held[0].Dispose();                              // in another order than the will's
        guard.LetAllGo();
        Console.WriteLine("finished");
        return 0;
    }

    private static int OnceByCalls(int[] pids, Action call)
    {
        Linux.Abi.Kernel.Called = call;
        return Once(pids, () => { });
    }

    private static Action ExitAt(int count)
    {
        int calls = 0;
        return () =>
        {
            if (++calls != count)
                return;
            Linux.Abi.Kernel.Called = null;
            Linux.Abi.Kernel.Call(Linux.Abi.Nr.exit_group, 9);
        };
    }

    private static int Hold(int[] pids)
    {
        using var guard = Guard.Start();
        var held = Array.ConvertAll(pids, pid => guard.Seize(pid));
        foreach (var tracee in held)
            tracee.Inject(allThreads: true);
        Console.WriteLine(guard.Pid);
        while (!File.Exists("go"))
            Thread.Sleep(1);
        foreach (var tracee in held)
            tracee.Dispose();
        return 0;
    }

    private static void CheckPid(Puppet puppet)
    {
        var batch = puppet.NewBatch();
        var pid = batch.Call(Syscall.Getpid);
        puppet.Run(batch);
        if (pid.Value != puppet.Pid)
            throw new InvalidOperationException($"getpid in {puppet.Pid} answered {pid.Value}");
    }
}
