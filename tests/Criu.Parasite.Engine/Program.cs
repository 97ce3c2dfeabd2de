using System.Globalization;
using Criu.Parasite;

// An engine to be killed: what tests run as another process, and end at any moment.
//
//   loop PID one|all            seizes, runs a batch, lets go, for ever; prints the guard's pid first
//   once PID...                 the same once, with all of them held at the same time
//   exit-after N PID...         the same, but ends without a word at the N-th boundary of a batch; prints "finished" where there are fewer
//   hold PID...                 seizes, injects, prints the guard's pid and waits for a line; then runs a batch in each and lets go
return args switch
{
    ["loop", var pid, var hosts] => Engine.Loop(Number(pid), hosts == "all"),
    ["once", .. var pids] => Engine.Once(Numbers(pids), () => { }),
    ["exit-after", var count, .. var pids] => Engine.ExitAfter(Number(count), Numbers(pids)),
    ["hold", .. var pids] => Engine.Hold(Numbers(pids)),
    _ => 2,
};

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int[] Numbers(string[] texts) => Array.ConvertAll(texts, Number);

internal static class Engine
{
    public static int Loop(int pid, bool allThreads)
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

    public static int Once(int[] pids, Action boundary)
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

    public static int ExitAfter(int count, int[] pids)
    {
        int boundaries = 0;
        return Once(pids, () =>
        {
            if (++boundaries == count)
                Linux.Abi.Kernel.Call(Linux.Abi.Nr.exit_group, 9);
        });
    }

    public static int Hold(int[] pids)
    {
        using var guard = Guard.Start();
        var held = Array.ConvertAll(pids, pid => guard.Seize(pid));
        foreach (var tracee in held)
            tracee.Inject(allThreads: true);
        Console.WriteLine(guard.Pid);
        Console.ReadLine();
        try
        {
            foreach (var tracee in held)
                tracee.Dispose();
        }
        catch (ParasiteException e)
        {
            Console.WriteLine(e.Message);
            return 1;
        }
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
