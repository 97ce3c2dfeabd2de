using System.Globalization;
using System.Text.RegularExpressions;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Terminals that are not all in the tree, and those that cannot be kept.</summary>
public sealed class TerminalTests : EndToEndTest
{
    private static Workload Shell(string name) => new($"terminals outside {name} twice");

    [Fact]
    public void One_of_somebody_outside_is_refused_by_name()
    {
        using TerminalMaster outside = TerminalMaster.Open();
        Target target = Start(Shell(outside.Name));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Native.Dump(target.Pid, target.Images), $@"descriptor 3 \({outside.Name}\).* somebody outside the tree", "--shell-job");
        target.SurvivedAFailedDump(before);
    }

    [Fact]
    public void Two_of_somebody_outside_are_refused_by_name()
    {
        using TerminalMaster one = TerminalMaster.Open(), other = TerminalMaster.Open();
        Target target = Start(new Workload($"terminals two {one.Name} {other.Name}"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Native.Dump(target.Pid, target.Images, "--shell-job"), $"{one.Name}.*{other.Name}.* two terminals whose other sides are outside the tree");
        target.SurvivedAFailedDump(before);
    }

    [Fact]
    public void Another_line_discipline_is_refused_by_name()
    {
        Target target = Start(new Workload("terminals discipline"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Native.Dump(target.Pid, target.Images), "line discipline 27");
        target.SurvivedAFailedDump(before);
    }

    /// <summary>CRIU refuses it as well. The number is part of a terminal's name.</summary>
    [Fact]
    public void A_number_that_is_taken_is_said()
    {
        Target target = Start(Workloads.Named("terminals odd"));
        string name = Proc.Link($"/proc/{target.Pid}/fd/4");
        target.DumpToTheEnd(Engine.Native);
        using (TerminalMaster other = TerminalMaster.Open())
        {
            Assert.Equal(name, other.Name);
            target.Refuses(Engine.Native.Restore(target.Images), $"{other.Name} cannot be made again: its number is taken");
            target.IsGone();
        }
        target.Restore(Engine.Native);
        target.GoesOn();
        target.Finish();
    }

    /// <summary>A terminal that the user leaves outside by its device, and gives at the restore.</summary>
    [Fact]
    public void One_that_was_left_outside_is_given()
    {
        using TerminalMaster outside = TerminalMaster.Open();
        Target target = Start(Shell(outside.Name));
        string key = outside.Key;
        target.DumpToTheEnd(Engine.Native, "--external", key);
        target.Refuses(Engine.Native.Restore(target.Images), "was left outside at the dump", "--inherit-fd");
        target.IsGone();
        // A shell that leads a session would take the terminal for its own: a child of it does not.
        Engine giving = Engine.Native with { Command = ["sh", "-c", $"(exec 9<>{outside.Name} && exec \"$@\"); exit $?", "sh", .. Engine.Native.Command] };
        target.Restore(giving, "--inherit-fd", $"fd[9]:{key}");
        Assert.Equal("you said: there\r\n", outside.Ask("there", 17));
        target.GoesOn();
        target.Finish();
    }

    public static TheoryData<string, string> Engines => Engine.Reference == null ? new() { { "native", "native" } }
        : new() { { "native", "native" }, { "native", "reference" }, { "reference", "native" }, { "reference", "reference" } };

    /// <summary>A job of a shell, restored from the same shell: it has the shell's terminal, and is in the foreground.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void A_job_of_a_shell_comes_back_to_its_terminal(string dumper, string restorer)
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it restores pids");
        string folder = Places.NewFolder("shelljob"), log = Path.Combine(folder, "log");
        int pid = Child.Start([Places.Program("launch"), folder, "022", "python3", Path.Combine(Places.Repository, "tests/workloads/shelljob.py"),
            Engine.Named(dumper).Command[0], Engine.Named(restorer).Command[0]]);
        Assert.Equal(0, Child.Wait(pid, TimeSpan.FromSeconds(60)));
        Match said = Regex.Match(File.ReadAllText(log), "job ([0-9]+), dump 0, restore 0, in the foreground: True, went on: True");
        Assert.True(said.Success, File.ReadAllText(log));
        Child.Wait(int.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), TimeSpan.FromSeconds(10));
        Directory.Delete(folder, recursive: true);
    }
}
