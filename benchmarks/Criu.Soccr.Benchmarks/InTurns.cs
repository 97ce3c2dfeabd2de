using System.Diagnostics;

namespace Criu.Soccr.Benchmarks;

/// <summary>
/// All contenders side by side, each with its own connections, one round of each after the other in an order that is drawn anew: what else the machine does hits them alike.
/// For ratios on a busy machine, where the tables of BenchmarkDotNet, which measures one contender after the other, tell more of the machine.
/// </summary>
internal static class InTurns
{
    private const int Warmups = 8;                      // rounds: until the code is compiled well

    /// <param name="rounds">How often each takes its turn.</param>
    /// <param name="count">Connections.</param>
    /// <param name="names">Who takes part: those with one of these words in their names. None: all.</param>
    public static int Run(int rounds, int count, string[] names)
    {
        foreach (int bytes in (int[])[0, 4096])
            Run(rounds, count, names, bytes);
        return 0;
    }

    private static void Run(int rounds, int count, string[] names, int bytes)
    {
        using var connections = new Connections(count, bytes);
        using var reference = Reference.IsThere ? new Reference(count, bytes) : null;
        List<Contender> contenders = [];
        if (reference != null)
            contenders.Add(new("libsoccr", reference.Round));
        foreach (var (name, options, workers) in Ways.Each.Where(w => names.Length == 0 || names.Any(w.Name.Contains)))
            contenders.Add(new(name, () => connections.Round(options, workers)));
        for (int round = -Warmups; round < rounds; round++)
            foreach (var one in contenders.OrderBy(_ => Random.Shared.Next()))
                one.Run(isCounted: round >= 0);
        Console.WriteLine($"{count} connections, {bytes} bytes in each direction, {rounds} rounds; in brackets the ratio to {contenders[0].Name}");
        foreach (var one in contenders)
            one.Print(count, contenders[0]);
    }

    private sealed class Contender(string name, Func<TimeSpan> round)
    {
        private readonly List<double> seconds = [], processor = [];

        public string Name => name;

        public void Run(bool isCounted)
        {
            var watch = Stopwatch.StartNew();
            var used = round();
            if (!isCounted)
                return;
            seconds.Add(watch.Elapsed.TotalSeconds);
            processor.Add(used.TotalSeconds);
        }

        /// <summary>Each as a rate, so that more is better.</summary>
        public void Print(int count, Contender first)
        {
            static double Best(List<double> all) => all.Min();
            Console.WriteLine($"  {name,-28}{Rate(seconds, first.seconds, Median)}/s   best{Rate(seconds, first.seconds, Best)}/s   in a second of processor time{Rate(processor, first.processor, Median)}");
            string Rate(List<double> mine, List<double> theirs, Func<List<double>, double> of) => $"{count / of(mine),8:F0} ({of(theirs) / of(mine):F2})";
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
