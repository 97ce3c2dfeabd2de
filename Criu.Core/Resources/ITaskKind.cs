using Criu.Core.Engine;
using Criu.Images.Proto;

namespace Criu.Core.Resources;

/// <summary>When, in the course of a restore, a kind's calls are made. Each is a barrier for the whole tree.</summary>
internal enum RestoreStage
{
    /// <summary>All processes are there with their memory, nothing of theirs is open, and all still see the engine's root directory: what needs a path.</summary>
    Processes,

    /// <summary>All processes, their memory and descriptors are there, and the threads have just been made.</summary>
    Threads,

    /// <summary>Zombies have ended: what they send has been sent. Still with all privileges.</summary>
    Signals,

    /// <summary>Privileges go here, and after this nothing can be fetched from outside.</summary>
    Credentials,

    /// <summary>What needs no privilege and must come last, such as armed timers.</summary>
    Last,
}

/// <summary>
/// Something that a process has once, however many threads it has. Ask adds calls to the stream of its first thread and answers what reads their results; what /proc
/// shows is read there as well. Whoever has many of a thing asks for room for each.
/// </summary>
internal interface ITaskKind
{
    RestoreStage Stage { get; }

    /// <returns>Run after the last of the calls: writes the entries. Null where there was nothing to ask.</returns>
    Action? Ask(DumpTask task, BatchStream stream, DumpContext context);

    void Restore(RestoreTask task, BatchStream stream);
}

/// <summary>Something that each thread has.</summary>
internal interface IThreadKind
{
    RestoreStage Stage { get; }

    Action? Ask(DumpThread thread, BatchStream stream, DumpContext context);

    void Restore(RestoreTask task, CoreEntry core, BatchStream stream);
}

/// <summary>For what changes while the process is held: looked at last, with a status that was read right then.</summary>
internal interface ILateTaskKind
{
    void Collect(DumpTask task, TaskStatus now);
}

/// <summary>The same of a thread.</summary>
internal interface ILateThreadKind
{
    void Collect(DumpThread thread, TaskStatus now);
}
